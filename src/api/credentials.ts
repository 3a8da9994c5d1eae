// A device's credentials in the core's public API: rotated without downtime, revoked everywhere.
import { createRoute, z } from '@hono/zod-openapi'
import {
  administered,
  changedDeviceSchema,
  deviceParamsSchema,
  groupSchema,
  shownCredentialSchema,
} from './devices.ts'
import { pageQuerySchema, pageSchema } from './paging.ts'
import { requestObject } from './request-object.ts'
import { json, jsonBody, problems } from './responses.ts'

const SECONDS_MAX = 100 * 366 * 24 * 3600

export const rotateRoute = createRoute({
  ...administered,
  method: 'post',
  path: '/v1/devices/{device}/credentials',
  operationId: 'rotateCredential',
  summary: 'Give a device another credential',
  description:
    'The others stay good until they are revoked, or for `graceSeconds`, so that the device changes over without downtime.',
  request: {
    params: deviceParamsSchema,
    body: jsonBody(
      requestObject({
        graceSeconds: z.int().min(0).max(SECONDS_MAX).optional(),
        expiresInSeconds: z.int().min(1).max(SECONDS_MAX).optional().meta({ description: 'Of the new one' }),
      }),
    ),
  },
  responses: {
    201: json('The new one', changedDeviceSchema.extend({ credential: shownCredentialSchema })),
    ...problems(400, 401, 403, 404, 409, 413, 415),
  },
})

export const revokeOneRoute = createRoute({
  ...administered,
  method: 'delete',
  path: '/v1/devices/{device}/credentials/{credential}',
  operationId: 'revokeCredential',
  summary: 'Revoke a credential',
  description: 'Wherever the device is connected by it, it is disconnected (0x98).',
  request: {
    params: deviceParamsSchema.extend({
      credential: z.string().regex(/^[0-9a-f]{16}$/, 'not a credential’s id'),
    }),
  },
  responses: { 200: json('The device', changedDeviceSchema), ...problems(400, 401, 403, 404) },
})

export const revokeAllRoute = createRoute({
  ...administered,
  method: 'post',
  path: '/v1/devices/{device}/revoke',
  operationId: 'revokeCredentials',
  summary: 'Revoke all credentials of a device',
  description: 'A token that names the device stays good: to refuse everybody, disable the device.',
  request: { params: deviceParamsSchema },
  responses: { 200: json('The device', changedDeviceSchema), ...problems(400, 401, 403, 404) },
})

const memberParams = z.object({ group: groupSchema, device: deviceParamsSchema.shape.device })

export const listGroupsRoute = createRoute({
  ...administered,
  method: 'get',
  path: '/v1/groups',
  operationId: 'listGroups',
  summary: 'The groups that devices are or were in',
  request: { query: pageQuerySchema },
  responses: { 200: json('A page', pageSchema(groupSchema)), ...problems(400, 401, 403) },
})

export const joinGroupRoute = createRoute({
  ...administered,
  method: 'put',
  path: '/v1/groups/{group}/devices/{device}',
  operationId: 'joinGroup',
  summary: 'Put a device into a group',
  request: { params: memberParams },
  responses: { 200: json('The device', changedDeviceSchema), ...problems(400, 401, 403, 404, 409) },
})

export const leaveGroupRoute = createRoute({
  ...administered,
  method: 'delete',
  path: '/v1/groups/{group}/devices/{device}',
  operationId: 'leaveGroup',
  summary: 'Take a device out of a group',
  request: { params: memberParams },
  responses: { 200: json('The device', changedDeviceSchema), ...problems(400, 401, 403, 404) },
})
