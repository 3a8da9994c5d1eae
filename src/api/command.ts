// Calls of devices in the public API: request, wait and answer.
import { createRoute, z } from '@hono/zod-openapi'
import { base64ToBytes } from '../relay/base64.ts'
import {
  COMMAND_BYTES_MAX,
  COMMAND_TIMEOUT_MS_MAX,
  type CommandResponse,
  type CommandRow,
  type DeviceAnswer,
} from '../relay/command.ts'
import { presenceEventSchema } from '../relay/presence.ts'
import { problemResponse } from '../relay/problem.ts'
import { idempotencyHeadersSchema } from './idempotency.ts'
import { clientIdSchema } from './names.ts'
import { onePayload, payloadFields } from './payload.ts'
import { limitedBody, SECURITY } from './public-api.ts'
import { requestObject } from './request-object.ts'
import { documentedProblemSchema, json, jsonBody, problems } from './responses.ts'

export const CALL_TIMEOUT_MS_DEFAULT = 10_000
const CALL_TIMEOUT_MS_MIN = 100
/** The longest time that one request is held, ms. A caller that waits longer asks for the command again. */
export const CALL_WAIT_MS_MAX = 60_000
/** Room for the largest payload as base64, and the other fields. */
const CALL_BODY_BYTES_MAX = COMMAND_BYTES_MAX * 2

export const callSchema = requestObject({
  name: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, 'not the name of a command: 1 to 64 of A-Z a-z 0-9 _ . : -')
    .meta({ description: 'What the device is to do', example: 'reboot' }),
  ...payloadFields,
  payload: z.unknown().optional().meta({ description: 'An older name of `json`', deprecated: true }),
  contentType: z
    .string()
    .regex(/^[\x20-\x7e]{1,256}$/)
    .optional()
    .meta({ description: 'As the device gets it; application/json for `json`' }),
  timeoutMs: z
    .int()
    .min(CALL_TIMEOUT_MS_MIN)
    .max(COMMAND_TIMEOUT_MS_MAX)
    .default(CALL_TIMEOUT_MS_DEFAULT)
    .meta({ description: 'How long the device has for its answer, and the command to reach it' }),
  whenOffline: z.enum(['fail', 'wait']).default('fail').meta({
    description: '`wait`: a device that is away gets the command when it comes back in time',
  }),
})
  .superRefine(onePayload(['text', 'base64', 'json', 'payload']))
  .transform(({ payload, ...call }) => ({ ...call, json: payload === undefined ? call.json : payload }))
  .meta({ id: 'Call' })
export type Call = z.infer<typeof callSchema>

export const answerSchema = z
  .object({
    status: z.int().nullable().meta({
      description:
        'As the device says, as in HTTP; 200 where it says none, null where it says something else',
    }),
    ...payloadFields,
    contentType: z.string().optional(),
    userProperties: z
      .array(z.tuple([z.string(), z.string()]))
      .meta({ description: 'MQTT 5 user properties' }),
    at: z.iso.datetime(),
    tooLarge: z
      .literal(true)
      .optional()
      .meta({ description: `The device sent more than ${COMMAND_BYTES_MAX} bytes, which are not stored` }),
  })
  .meta({
    id: 'DeviceAnswer',
    description: 'The payload is JSON where it can be read as that, else text, else base64',
  })

export const commandSchema = z
  .object({
    id: z.string(),
    device: z.string(),
    name: z.string(),
    state: z
      .enum(['open', 'answered', 'expired'])
      .meta({ description: '`expired`: no answer in time; a later answer makes it `answered`' }),
    acceptedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    answer: answerSchema.optional(),
  })
  .meta({ id: 'Command' })
export type CommandStatus = z.infer<typeof commandSchema>

const commandProblemSchema = documentedProblemSchema
  .extend({
    commandId: z.string().optional().meta({ description: 'What became of it can be asked' }),
    answer: answerSchema.optional(),
    presence: presenceEventSchema.nullable().optional().meta({ description: 'The last event of the device' }),
  })
  .meta({ id: 'CommandProblem' })
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: commandProblemSchema } },
})

const preferSchema = z
  .string()
  .max(256)
  .optional()
  .meta({ description: 'RFC 7240: `respond-async` to wait not at all, `wait=5` for at most five seconds' })

export const callRoute = createRoute({
  method: 'post',
  path: '/v1/devices/{device}/commands',
  operationId: 'callDevice',
  tags: ['Commands'],
  security: SECURITY,
  summary: 'Call a device and get its answer',
  description:
    'The device gets a message on devices/{device}/commands/{name}/{id} and answers it. With an idempotency key the call is stored at the device’s home: a request with the same key never calls the device again, and is answered as the first one was.',
  request: {
    params: z.object({ device: clientIdSchema }),
    headers: idempotencyHeadersSchema.extend({ Prefer: preferSchema }),
    body: jsonBody(callSchema),
  },
  middleware: limitedBody(CALL_BODY_BYTES_MAX),
  responses: {
    200: json('The device has answered, with a status below 400', commandSchema),
    202: json(
      'The device has the command, or its queue has; no answer yet',
      commandSchema,
      z.object({ Location: z.string() }),
    ),
    ...problems(400, 401, 404, 413, 415, 503),
    409: problem('The device is not connected, or does not listen to commands; it was not called'),
    422: problem(
      'The device has answered with a status of 400 to 499; or the idempotency key was used for another call',
    ),
    429: problem('Too many commands of the device are open, or its queue is full; it was not called'),
    502: problem('The device has answered with a status of 500 and more, or not as an answer is'),
    504: problem('No answer came in time; a later one is stored'),
  },
})

export const commandRoute = createRoute({
  method: 'get',
  path: '/v1/devices/{device}/commands/{command}',
  operationId: 'getCommand',
  tags: ['Commands'],
  security: SECURITY,
  summary: 'What became of a command',
  description:
    'Kept, for a day and bounded in number, are those with an idempotency key, those that nobody waited for and those that expired; any other while it is open, and its answer for a moment.',
  request: {
    params: z.object({
      device: clientIdSchema,
      command: z.string().regex(/^[\w-]{1,64}$/, 'not the id of a command'),
    }),
  },
  responses: { 200: json('As it is now', commandSchema), ...problems(400, 401, 404, 503) },
})

/** @param id of the command */
export function callAnswer(device: string, id: string, response: CommandResponse): Response {
  if (response.status === 'unknown')
    return problemResponse('unknown-device', 'No such device is known', { field: 'device' })
  if (response.status === 'unreachable') return unreachableAnswer(id, `its home's region: ${response.region}`)
  const { outcome } = response
  switch (outcome.state) {
    case 'answered':
      return answered(device, outcome.command)
    case 'open':
      return Response.json(statusOf(device, outcome.command, 'open'), {
        status: 202,
        headers: { location: locationOf(device, id) },
      })
    case 'expired':
      return problemResponse('device-timeout', 'The device did not answer in time', {
        commandId: id,
        detail: 'an answer that comes later is stored with the command',
        headers: { location: locationOf(device, id) },
      })
    case 'offline':
      return problemResponse('device-offline', OFFLINE[outcome.why], { presence: outcome.presence })
    case 'mismatch':
      return problemResponse('idempotency-key-reused', 'The idempotency key was used for another call', {
        field: 'Idempotency-Key',
      })
    case 'busy':
      return problemResponse('too-many-commands', BUSY[outcome.who ?? 'device'], {
        headers: { 'retry-after': '1' },
      })
    case 'refused':
      return problemResponse('no-room', "The device's queue did not take the command", {
        detail: `MQTT reason 0x${outcome.reason.toString(16)}`,
        headers: { 'retry-after': '5' },
      })
    case 'lost':
      return problemResponse('call-uncertain', 'It is not known whether the device was called', {
        commandId: id,
        detail: 'the way to its home broke off; with an idempotency key a call can be repeated safely',
      })
    case 'unknown':
      return problemResponse('unknown-command', 'No such command is known', { field: 'command' })
    default:
      return outcome satisfies never
  }
}

/** The answer to a request that names a command by its id. */
export function commandAnswer(device: string, id: string, response: CommandResponse): Response {
  if (response.status !== 'done') return callAnswer(device, id, response)
  const { outcome } = response
  if (outcome.state === 'answered' || outcome.state === 'open' || outcome.state === 'expired')
    return Response.json(statusOf(device, outcome.command, outcome.state), {
      headers: { 'cache-control': 'no-cache' },
    })
  return callAnswer(device, id, response)
}

/** The home could not be reached for as long as the caller waits. */
export function unreachableAnswer(id: string, what: string): Response {
  return problemResponse('region-unreachable', `The device's home cannot be reached: ${what}`, {
    commandId: id,
    detail: 'it may have been called all the same; with an idempotency key a call can be repeated safely',
  })
}

const BUSY = {
  caller: 'This caller has too many open commands of the device',
  device: 'Too many commands of the device are open',
} as const

const OFFLINE = {
  away: 'The device is not connected',
  'no-session': 'The device is not connected and has no session in which a command could wait',
  deaf: 'The device has not subscribed to its commands',
} as const

function answered(device: string, command: CommandRow): Response {
  const body = statusOf(device, command, 'answered')
  const { answer } = body
  if (command.answer?.tooLarge === true)
    return problemResponse('device-failed', 'The answer of the device is too large', {
      commandId: command.id,
      detail: `at most ${COMMAND_BYTES_MAX} bytes of payload, and as many of properties`,
    })
  const status = answer?.status ?? null
  if (status !== null && status < 400) return Response.json(body)
  const title =
    status === null
      ? 'The device answered what cannot be understood'
      : `The device answered with status ${status}`
  const said = answer?.text ?? (answer?.json === undefined ? undefined : JSON.stringify(answer.json))
  return problemResponse(status !== null && status < 500 ? 'device-refused' : 'device-failed', title, {
    commandId: command.id,
    answer,
    ...(said !== undefined && { detail: said.slice(0, 300) }),
  })
}

function statusOf(device: string, command: CommandRow, state: CommandStatus['state']): CommandStatus {
  const { id, name, acceptedAt, expiresAt, answer } = command
  return {
    id,
    device,
    name,
    state,
    acceptedAt: new Date(acceptedAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    ...(answer !== null && { answer: toldAnswer(answer) }),
  }
}

function toldAnswer({ status, payload, contentType, userProperties, at, tooLarge }: DeviceAnswer) {
  return {
    status,
    ...readable(payload),
    ...(contentType !== null && { contentType }),
    userProperties,
    at: new Date(at).toISOString(),
    ...(tooLarge === true && { tooLarge }),
  }
}

function readable(payload: string) {
  if (payload === '') return {}
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(base64ToBytes(payload))
  } catch {
    return { base64: payload }
  }
  try {
    return { json: JSON.parse(text) as unknown }
  } catch {
    return { text }
  }
}

function locationOf(device: string, id: string): string {
  return `/v1/devices/${encodeURIComponent(device)}/commands/${id}`
}
