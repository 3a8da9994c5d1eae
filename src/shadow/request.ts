// A client's request to a shadow, parsed and checked. Codes and texts of errors are AWS IoT's:
// https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-error-messages.html
import { z } from 'zod'
import { SECTIONS, type Section } from './document.ts'
import { inexactNumber } from './exact-numbers.ts'
import { isObject, type JsonObject, nesting } from './json.ts'
import { CLIENT_TOKEN_BYTES_MAX, SHADOW_LEVELS_MAX, SHADOW_REQUEST_BYTES_MAX } from './limits.ts'

export interface ShadowError {
  readonly code: 400 | 404 | 409 | 413 | 415
  readonly message: string
  /** The wrong part of the request, as a path: `state.desired`. */
  readonly field?: string
}

/** Fields of any request. */
export interface Asked {
  readonly clientToken: string | undefined
  /** The request is for this version only. */
  readonly version: number | undefined
}

/** The patch of each section; null removes the section. */
export type Patch = Partial<Readonly<Record<Section, JsonObject | null>>>

export interface UpdateRequest extends Asked {
  readonly state: Patch
}

export type Checked<T> =
  | { readonly request: T }
  | { readonly error: ShadowError; readonly clientToken?: string }

const askedSchema = z.object({
  clientToken: z.string('Invalid clientToken').refine(isShort, 'Invalid clientToken').optional(),
  version: z.int('Invalid version').min(0, 'Invalid version').optional(),
})

const bodySchema = z.custom<JsonObject>(isObject, 'Invalid JSON')

const sectionSchema = (name: string) =>
  z
    .custom<JsonObject | null>((value) => value === null || isObject(value), `${name} node must be an object`)
    .optional()

const stateSchema = z.preprocess(
  // Checked here, since zod drops a key called `__proto__`.
  (state, context) => {
    if (!isObject(state))
      context.addIssue(state === undefined ? 'Missing required node: state' : 'State node must be an object')
    else if (Object.keys(state).some((key) => !(SECTIONS as readonly string[]).includes(key)))
      context.addIssue('State contains an invalid node')
    return state
  },
  z.object({ desired: sectionSchema('Desired'), reported: sectionSchema('Reported') }),
)

/** A request to get or to delete. Its payload may be empty. */
export function parseAsked(payload: Uint8Array): Checked<Asked> {
  const body = payload.length === 0 ? { request: {} } : parseBody(payload)
  if ('error' in body) return body
  const asked = askedSchema.safeParse(body.request)
  return asked.success ? { request: askedOf(asked.data) } : refused(asked.error, body.request)
}

export function parseUpdate(payload: Uint8Array): Checked<UpdateRequest> {
  const body = parseBody(payload)
  if ('error' in body) return body
  const asked = askedSchema.safeParse(body.request)
  if (!asked.success) return refused(asked.error, body.request)
  const state = stateSchema.safeParse(body.request.state)
  if (!state.success) return refused(state.error, body.request, ['state'])
  const patch = Object.fromEntries(
    SECTIONS.flatMap((section) =>
      state.data[section] === undefined ? [] : [[section, state.data[section]]],
    ),
  )
  return { request: { ...askedOf(asked.data), state: patch } }
}

function parseBody(payload: Uint8Array): Checked<JsonObject> {
  if (payload.length > SHADOW_REQUEST_BYTES_MAX) return { error: TOO_LARGE }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
  } catch {
    return { error: { code: 415, message: 'Unsupported documented encoding; supported encoding is UTF-8' } }
  }
  // The request and its state do not count as levels.
  if (nesting(text) > SHADOW_LEVELS_MAX + 2) {
    const message = `JSON contains too many levels of nesting; maximum is ${SHADOW_LEVELS_MAX}`
    return { error: { code: 400, message } }
  }
  let body: z.ZodSafeParseResult<JsonObject>
  try {
    body = bodySchema.safeParse(JSON.parse(text))
  } catch {
    return { error: { code: 400, message: 'Invalid JSON' } }
  }
  if (!body.success) return refused(body.error, null)
  const field = inexactNumber(text)
  return field === null ? { request: body.data } : withToken(inexact(field), body.data)
}

/** The message names the field too: a rejection by MQTT has no other place for it. */
function inexact(field: string): ShadowError {
  return {
    code: 400,
    message: `${field} is a number that cannot be stored exactly: send it as a string`,
    field,
  }
}

export const TOO_LARGE: ShadowError = { code: 413, message: 'The payload exceeds the maximum size allowed' }

function refused(
  { issues }: z.ZodError,
  body: JsonObject | null,
  below: readonly string[] = [],
): { error: ShadowError; clientToken?: string } {
  const [issue] = issues
  const field = [...below, ...(issue?.path ?? [])].join('.')
  const error: ShadowError = {
    code: 400,
    message: issue?.message ?? 'Invalid JSON',
    ...(field !== '' && { field }),
  }
  return withToken(error, body)
}

/** The rejection carries the token of the request, if the request has a valid one. */
function withToken(
  error: ShadowError,
  body: JsonObject | null,
): { error: ShadowError; clientToken?: string } {
  const token = body?.clientToken
  return typeof token === 'string' && isShort(token) ? { error, clientToken: token } : { error }
}

function askedOf({ clientToken, version }: z.infer<typeof askedSchema>): Asked {
  return { clientToken, version }
}

function isShort(token: string): boolean {
  return new TextEncoder().encode(token).length <= CLIENT_TOKEN_BYTES_MAX
}
