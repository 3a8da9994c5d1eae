// Claim tokens in the core's public API, and the request by which a device exchanges one for a credential, at edge or core.
import { createRoute, z } from '@hono/zod-openapi'
import { DEFAULT_FLEET } from '../id/ids.ts'
import { problemResponse } from '../relay/problem.ts'
import type { ProvisionRequest, ProvisionResponse } from '../relay/provision.ts'
import { administered, attributesSchema, groupsSchema, typeSchema } from './devices.ts'
import { clientIdSchema, fleetIdSchema } from './names.ts'
import { pageQuerySchema, pageSchema } from './paging.ts'
import { PROVISION_PATH } from './public-api.ts'
import { requestObject } from './request-object.ts'
import { json, jsonBody, problems } from './responses.ts'

const SECONDS_MAX = 100 * 366 * 24 * 3600
const USES_MAX = 1_000_000_000

export const claimTokenSchema = z
  .object({
    id: z.string(),
    description: z.string(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable(),
    usesLeft: z.int().nullable().meta({ description: 'Null: any number, and not counted' }),
    revoked: z.boolean(),
    type: z.string().nullable(),
    attributes: z.record(z.string(), z.string()),
    groups: z.array(z.string()),
  })
  .meta({ id: 'ClaimToken' })

const newClaimTokenSchema = requestObject({
  description: z.string().max(1000).default(''),
  uses: z.int().min(1).max(USES_MAX).nullable().default(null).meta({
    description: 'How many devices it may register; null for any number',
  }),
  expiresInSeconds: z.int().min(1).max(SECONDS_MAX).optional(),
  type: typeSchema.nullable().default(null),
  attributes: attributesSchema.default({}),
  groups: groupsSchema.default([]),
}).meta({ id: 'NewClaimToken', description: 'Type, attributes and groups are what its devices get' })

const shared = { ...administered, tags: ['Provisioning'] }

export const createClaimTokenRoute = createRoute({
  ...shared,
  method: 'post',
  path: '/v1/claim-tokens',
  operationId: 'createClaimToken',
  summary: 'Make a claim token',
  request: { body: jsonBody(newClaimTokenSchema) },
  responses: {
    201: json(
      'The token, whose text is shown now and never again',
      claimTokenSchema.extend({ token: z.string() }).meta({ id: 'ShownClaimToken' }),
    ),
    ...problems(400, 401, 403, 404, 413, 415),
  },
})

export const listClaimTokensRoute = createRoute({
  ...shared,
  method: 'get',
  path: '/v1/claim-tokens',
  operationId: 'listClaimTokens',
  summary: 'The fleet’s claim tokens',
  request: { query: pageQuerySchema },
  responses: { 200: json('A page', pageSchema(claimTokenSchema)), ...problems(400, 401, 403) },
})

export const revokeClaimTokenRoute = createRoute({
  ...shared,
  method: 'delete',
  path: '/v1/claim-tokens/{token}',
  operationId: 'revokeClaimToken',
  summary: 'Revoke a claim token',
  description: 'The devices that it has registered stay.',
  request: { params: z.object({ token: z.string().regex(/^[0-9a-f]{16}$/, 'not a claim token’s id') }) },
  responses: { 204: { description: 'It is good no more' }, ...problems(400, 401, 403, 404) },
})

export const provisionRoute = createRoute({
  tags: ['Provisioning'],
  method: 'post',
  path: PROVISION_PATH,
  operationId: 'provision',
  summary: 'A device claims its credential',
  description:
    'It is registered under its id, and gets its credential once. A device that is registered already is refused, unless it is the same one: with the same `nonce` it may ask again within an hour, should the answer have been lost, and the credential that was lost is void.',
  request: {
    body: jsonBody(
      requestObject({
        claimToken: z.string().min(1).max(128),
        device: clientIdSchema,
        fleet: fleetIdSchema.default(DEFAULT_FLEET),
        nonce: z.string().min(16).max(128).optional().meta({
          description: 'Random, of the device’s own making, and stored until it has its credential',
        }),
      }).meta({ id: 'Provision' }),
    ),
  },
  responses: {
    201: json(
      'Its credential, shown now and never again',
      z
        .object({
          device: z.string(),
          fleet: z.string(),
          credential: z.object({ id: z.string(), secret: z.string() }),
        })
        .meta({ id: 'Provisioned' }),
    ),
    ...problems(400, 403, 409, 413, 415, 503),
  },
})

export function provisionAnswer({ device, fleet }: ProvisionRequest, answer: ProvisionResponse) {
  if (answer.status === 'done') {
    const { id, secret } = answer.credential
    return { device, fleet, credential: { id, secret } }
  }
  return answer.because === 'token'
    ? problemResponse(
        'claim-token-refused',
        'The claim token is not valid: unknown, revoked, expired or used up',
        {
          field: 'claimToken',
        },
      )
    : problemResponse('device-exists', 'The device is registered already', { field: 'device' })
}
