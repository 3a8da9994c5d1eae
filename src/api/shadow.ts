// A device's shadows in the public API: read and changed at the edge, read at the core.
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { CLASSIC_SHADOW, namedShadow, type ShadowVerb } from '../id/shadow-topic.ts'
import { problemResponse } from '../relay/problem.ts'
import type { ProblemName } from '../relay/problem-types.ts'
import type { ShadowResponse } from '../relay/shadow.ts'
import { decodeShadow } from '../shadow/document.ts'
import { CLIENT_TOKEN_BYTES_MAX, SHADOW_REQUEST_BYTES_MAX } from '../shadow/limits.ts'
import { whole } from '../shadow/step.ts'
import { isKnown, knownHeadersSchema, matchHeadersSchema } from './etag.ts'
import { clientIdSchema, regionNameSchema } from './names.ts'
import { limitedBody, SECURITY } from './public-api.ts'
import { requestObject } from './request-object.ts'
import { json, jsonBody, problems } from './responses.ts'

const sectionSchema = z.record(z.string(), z.unknown())
const clientTokenSchema = z
  .string()
  .max(CLIENT_TOKEN_BYTES_MAX)
  .meta({ description: 'Comes back in the answer' })

/** Bounds of a request. The home checks them again, as for requests that come by MQTT. */
export const shadowPatchSchema = z
  .object({
    state: requestObject({
      desired: sectionSchema.nullable().optional(),
      reported: sectionSchema.nullable().optional(),
    }).meta({ description: 'Merged into what is there; null removes a member, or a whole section' }),
    version: z.int().min(0).optional().meta({ description: 'Only for this version; see also If-Match' }),
    clientToken: clientTokenSchema.optional(),
  })
  .meta({ id: 'ShadowPatch' })

const metadataSchema = z.record(z.string(), z.unknown()).meta({
  description: 'When each member was last changed, in seconds since 1970, in the shape of the state',
})

export const shadowSchema = z
  .object({
    state: z.object({
      desired: sectionSchema.nullable().optional(),
      reported: sectionSchema.nullable().optional(),
      delta: sectionSchema
        .optional()
        .meta({ description: 'What is desired and not, or otherwise, reported' }),
    }),
    metadata: metadataSchema,
    version: z.int(),
    timestamp: z.int().meta({ description: 'Of the answer, seconds since 1970' }),
    clientToken: clientTokenSchema.optional(),
    synced: z.object({ region: regionNameSchema, ageSeconds: z.int() }).optional().meta({
      description:
        'The region of the device’s home does not answer: this is what it had last given to the store',
    }),
  })
  .meta({ id: 'Shadow' })

export const shadowDeletedSchema = z
  .object({ version: z.int(), timestamp: z.int(), clientToken: clientTokenSchema.optional() })
  .meta({ id: 'ShadowDeleted' })

const shared = {
  path: '/v1/devices/{device}/shadow' as const,
  tags: ['Shadows'],
  security: SECURITY,
}
const params = z.object({ device: clientIdSchema })
const query = z.object({
  name: z
    .string()
    .regex(/^[$:\w-]{1,64}$/, '1 to 64 of the characters A-Z a-z 0-9 : _ - $')
    .optional()
    .meta({ description: 'Of a named shadow; absent for the classic one' }),
})
const versionHeaders = z.object({ ETag: z.string(), 'Last-Modified': z.string() })

export const readShadowRoute = createRoute({
  ...shared,
  method: 'get',
  operationId: 'getShadow',
  summary: 'A device’s shadow',
  description:
    'As its home has it; while the home’s region does not answer, as that had last given it to the store, with its age in `Age` and `synced`.',
  request: { params, query, headers: knownHeadersSchema },
  responses: {
    200: json('The document', shadowSchema, versionHeaders.extend({ Age: z.string().optional() })),
    304: { description: 'The version that `If-None-Match` names still is the last' },
    ...problems(400, 401, 404, 503),
  },
})

export const changeShadowRoute = createRoute({
  ...shared,
  method: 'patch',
  operationId: 'changeShadow',
  summary: 'Change a device’s shadow',
  description: 'Merges the patch at the home. The device gets the difference as a delta.',
  request: { params, query, headers: matchHeadersSchema, body: jsonBody(shadowPatchSchema) },
  middleware: limitedBody(SHADOW_REQUEST_BYTES_MAX),
  responses: {
    200: json('The changes, with their times', shadowSchema, versionHeaders),
    ...problems(400, 401, 404, 409, 412, 413, 415, 503),
  },
})

export const deleteShadowRoute = createRoute({
  ...shared,
  method: 'delete',
  operationId: 'deleteShadow',
  summary: 'Delete a device’s shadow',
  description: 'Its version goes on, should it be made again.',
  request: { params, query, headers: matchHeadersSchema },
  responses: {
    200: json('The deleted version', shadowDeletedSchema, versionHeaders),
    ...problems(400, 401, 404, 412, 503),
  },
})

/** The path of the shadow that a request is about. */
export function shadowPath(name: string | undefined): string {
  // The query's schema lets only valid names through.
  return name === undefined ? CLASSIC_SHADOW : (namedShadow(name) ?? CLASSIC_SHADOW)
}

export function shadowAnswer(c: Context, answer: ShadowResponse, verb: ShadowVerb): Response {
  if (answer.status === 'unreachable') {
    const detail = 'it may have been changed all the same, should the home have got the request'
    return problemResponse('region-unreachable', `The device's home does not answer: ${answer.region}`, {
      ...(verb !== 'get' && { detail }),
    })
  }
  if (answer.status === 'unknown')
    return problemResponse('unknown-device', 'No such device is known', { field: 'device' })
  if (answer.status === 'synced') return syncedAnswer(c, answer)
  const { body, error, version, changedAt } = answer
  if (error !== null) {
    // The version came by If-Match: its failure is 412.
    const unmatched = error.code === 409 && c.req.header('if-match') !== undefined
    return problemResponse(
      unmatched ? 'version-mismatch' : (REFUSED[error.code] ?? 'invalid-request'),
      error.message,
      {
        ...(error.field !== null && { field: error.field }),
        ...(error.code === 409 && {
          field: unmatched ? 'If-Match' : 'version',
          detail: `the version is ${version ?? 0}`,
        }),
      },
    )
  }
  return documentResponse(c, body, version ?? 0, changedAt ?? 0, verb === 'get')
}

/** The problem for an error code of the home; the codes are AWS IoT's. */
const REFUSED: Readonly<Record<number, ProblemName>> = {
  400: 'invalid-request',
  404: 'unknown-shadow',
  409: 'version-conflict',
  413: 'too-large',
  415: 'not-json',
}

/** The store's copy, marked with its age: the home's region does not answer. */
function syncedAnswer(
  c: Context,
  { region, shadow: text }: Extract<ShadowResponse, { status: 'synced' }>,
): Response {
  const shadow = text === null ? null : decodeShadow(text)
  const now = Date.now()
  const document = shadow === null ? null : whole(shadow, now)
  if (shadow === null || document === null) {
    const detail = `${region} cannot be reached; this is what it had synced`
    return problemResponse('unknown-shadow', 'No such shadow is known', { detail })
  }
  const ageSeconds = Math.max(0, Math.floor((now - shadow.changedAt) / 1000))
  c.header('age', String(ageSeconds))
  const body = JSON.stringify({ ...document, synced: { region, ageSeconds } })
  return documentResponse(c, body, shadow.version, shadow.changedAt, true)
}

function documentResponse(
  c: Context,
  body: string,
  version: number,
  changedAt: number,
  read: boolean,
): Response {
  const etag = `"${version}"`
  c.header('etag', etag)
  c.header('last-modified', new Date(changedAt).toUTCString())
  c.header('cache-control', 'no-cache')
  if (read && isKnown(c, etag)) return c.body(null, 304)
  c.header('content-type', 'application/json')
  return c.body(body)
}
