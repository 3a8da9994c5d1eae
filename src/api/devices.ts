// The registered devices in the core's public API, for a fleet's administrators.
import { createRoute, z } from '@hono/zod-openapi'
import {
  ATTRIBUTE_VALUE,
  ATTRIBUTE_VALUE_CHARS_MAX,
  ATTRIBUTES_MAX,
  GROUPS_MAX,
  REGISTRY_NAME,
} from '../id/registry-names.ts'
import { parseSecret } from '../id/secret.ts'
import { matchHeadersSchema } from './etag.ts'
import { clientIdSchema, regionNameSchema } from './names.ts'
import { pageQuerySchema, pageSchema } from './paging.ts'
import { administratorsOnly, SECURITY } from './public-api.ts'
import { requestObject } from './request-object.ts'
import { json, jsonBody, problems } from './responses.ts'

export const IMPORT_LINES_MAX = 1000

const nameSchema = (what: string, example: string) =>
  z
    .string()
    .regex(REGISTRY_NAME, '1 to 64 of the characters A-Z a-z 0-9 _ . : -')
    .meta({ description: what, example })
export const groupSchema = nameSchema('A group', 'kitchen')
export const typeSchema = nameSchema('What kind of device it is', 'lamp-v2')
const valueSchema = z
  .string()
  .max(ATTRIBUTE_VALUE_CHARS_MAX)
  // Without flags: a JSON schema has none.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it may not have
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'no control characters')
  .refine((value) => ATTRIBUTE_VALUE.test(value), 'no control characters, no halves of characters')

/** A plain object, so that an invalid attribute name is refused by its own path. */
const attributesOf = <Value extends z.ZodType>(value: Value) =>
  z
    .record(z.string().regex(REGISTRY_NAME), value)
    .refine((given) => Object.keys(given).length <= ATTRIBUTES_MAX, `at most ${ATTRIBUTES_MAX} attributes`)
    .meta({ example: { model: 'L2', site: 'berlin' } })
export const attributesSchema = attributesOf(valueSchema)
export const groupsSchema = z.array(groupSchema).max(GROUPS_MAX)
const secretSchema = z
  .string()
  .refine(
    (text) => parseSecret(text)?.kind === 'credential',
    'not a device’s secret: slk_<16 hex digits>_<43 characters>',
  )
  .meta({ description: 'One of the caller’s own making, such as from a factory’s list', writeOnly: true })

export const credentialSchema = z
  .object({
    id: z.string(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable().meta({ description: 'Null: good until it is revoked' }),
  })
  .meta({ id: 'Credential' })

export const shownCredentialSchema = credentialSchema
  .extend({ secret: z.string().meta({ description: 'Told now and never again: the MQTT password' }) })
  .meta({ id: 'NewCredential' })

export const deviceSchema = z
  .object({
    id: z.string().meta({ description: 'Also its MQTT client id: its topics are devices/<id>/…' }),
    fleet: z.string(),
    type: z.string().nullable(),
    attributes: z.record(z.string(), z.string()),
    groups: z.array(z.string()),
    enabled: z
      .boolean()
      .meta({ description: 'False: nobody may connect as this device, by a token neither' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    credentials: z.array(credentialSchema),
    revoked: z.array(z.object({ id: z.string(), revokedAt: z.iso.datetime() })).meta({
      description: 'The last ones',
    }),
  })
  .meta({ id: 'Device' })

export const newDeviceSchema = requestObject({
  id: clientIdSchema,
  type: typeSchema.nullable().default(null),
  attributes: attributesSchema.default({}),
  groups: groupsSchema.default([]),
  enabled: z.boolean().default(true),
  credential: z.boolean().default(true).meta({ description: 'Whether it gets a credential now' }),
  secret: secretSchema.optional(),
}).meta({ id: 'NewDevice' })

export const devicePatchSchema = requestObject({
  type: typeSchema.nullable().optional(),
  attributes: attributesOf(valueSchema.nullable()).optional().meta({
    description: 'Those named are changed; null takes one away',
  }),
  groups: groupsSchema.optional().meta({ description: 'All of them' }),
  enabled: z.boolean().optional(),
}).meta({ id: 'DevicePatch' })

const pendingSchema = z.array(regionNameSchema).meta({
  description: 'Regions that could not be reached: they learn of the change as soon as they are reached',
})
/** The answers of routes that change who may connect. */
export const changedDeviceSchema = z.object({ device: deviceSchema, pending: pendingSchema })

export const importLineSchema = requestObject({
  id: clientIdSchema,
  type: typeSchema.nullable().optional(),
  attributes: attributesSchema.optional().meta({ description: 'All of them' }),
  groups: groupsSchema.optional(),
  enabled: z.boolean().optional(),
  credential: z.boolean().optional().meta({ description: 'The server makes one for a device that is new' }),
  secret: secretSchema.optional(),
}).meta({ id: 'ImportedDevice' })

export const importResultSchema = z
  .object({
    id: z.string(),
    status: z.enum(['created', 'updated', 'unchanged', 'failed']),
    credential: shownCredentialSchema.optional(),
    problem: z.string().optional().meta({ description: 'Why it failed; the line may be sent again' }),
  })
  .meta({ id: 'ImportResult' })

export const deviceParamsSchema = z.object({ device: clientIdSchema })
const etagHeaders = z.object({ ETag: z.string() })
const ifMatch = { params: deviceParamsSchema, headers: matchHeadersSchema }

export const administered = {
  tags: ['Devices'],
  security: SECURITY,
  middleware: administratorsOnly,
}

export const createDeviceRoute = createRoute({
  ...administered,
  method: 'post',
  path: '/v1/devices',
  operationId: 'createDevice',
  summary: 'Register a device',
  description: 'With a credential, whose secret is in this answer and never shown again.',
  request: { body: jsonBody(newDeviceSchema) },
  responses: {
    201: json(
      'It is registered',
      z.object({ device: deviceSchema, credential: shownCredentialSchema.nullable() }),
      etagHeaders.extend({ Location: z.string() }),
    ),
    ...problems(400, 401, 403, 404, 409, 413, 415),
  },
})

export const listDevicesRoute = createRoute({
  ...administered,
  method: 'get',
  path: '/v1/devices',
  operationId: 'listDevices',
  summary: 'Find devices',
  description:
    'All, or those that fit everything that is asked. The order stays as it is, and is not that of the ids: what is registered meanwhile moves nothing from one page to another.',
  request: {
    query: pageQuerySchema.extend({
      group: groupSchema.optional(),
      type: typeSchema.optional(),
      attribute: z
        .union([z.string(), z.array(z.string()).max(ATTRIBUTES_MAX)])
        .optional()
        .meta({ description: '`name:value`; may be given several times', example: 'model:L2' }),
      prefix: z.string().max(128).optional().meta({ description: 'Ids that begin so' }),
      enabled: z.enum(['true', 'false']).optional(),
    }),
  },
  responses: { 200: json('A page', pageSchema(deviceSchema)), ...problems(400, 401, 403) },
})

export const readDeviceRoute = createRoute({
  ...administered,
  method: 'get',
  path: '/v1/devices/{device}',
  operationId: 'getDevice',
  summary: 'A registered device',
  request: { params: deviceParamsSchema },
  responses: { 200: json('The device', deviceSchema, etagHeaders), ...problems(400, 401, 403, 404) },
})

export const changeDeviceRoute = createRoute({
  ...administered,
  method: 'patch',
  path: '/v1/devices/{device}',
  operationId: 'changeDevice',
  summary: 'Change, enable or disable a device',
  description: 'One that is disabled is disconnected in every region and refused until it is enabled again.',
  request: { ...ifMatch, body: jsonBody(devicePatchSchema) },
  responses: {
    200: json('The device', changedDeviceSchema, etagHeaders),
    ...problems(400, 401, 403, 404, 412, 413, 415),
  },
})

export const deleteDeviceRoute = createRoute({
  ...administered,
  method: 'delete',
  path: '/v1/devices/{device}',
  operationId: 'deleteDevice',
  summary: 'Remove a device from the registry',
  description:
    'Its credentials are void and its connection is closed. Its shadows stay until they are deleted, its session until it expires.',
  request: ifMatch,
  responses: {
    200: json('It was removed', z.object({ pending: pendingSchema })),
    ...problems(400, 401, 403, 404, 412),
  },
})

export const importDevicesRoute = createRoute({
  ...administered,
  method: 'post',
  path: '/v1/devices/import',
  operationId: 'importDevices',
  summary: 'Register or change many devices',
  description:
    'Each is made, or becomes what its line says; fields that are not named stay. The same lines again change nothing: with secrets of the caller’s own nothing is lost should an answer be.',
  request: { body: jsonBody(z.array(importLineSchema).min(1).max(IMPORT_LINES_MAX)) },
  responses: {
    200: json('One for each line, in order', z.object({ results: z.array(importResultSchema) })),
    ...problems(400, 401, 403, 404, 413, 415),
  },
})
