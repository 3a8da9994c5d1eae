// A shadow as a step without I/O: (shadow, request, now) → shadow and answers. Documents are AWS IoT's:
// https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html
import type { ShadowVerb } from '../id/shadow-topic.ts'
import { EMPTY_DOCUMENT, SECTIONS, type Section, type Shadow, type ShadowDocument } from './document.ts'
import { difference, type JsonObject, merge, mergeTimes, type TimesObject, timesWithin } from './json.ts'
import { SHADOW_STATE_BYTES_MAX } from './limits.ts'
import { type Asked, type Patch, parseAsked, parseUpdate, type ShadowError, TOO_LARGE } from './request.ts'

/** `topic` follows the shadow's: `update/accepted`. */
export interface Answer {
  readonly topic: string
  readonly body: JsonObject | Readonly<Record<string, unknown>>
}

export interface Stepped {
  readonly answers: readonly Answer[]
  /** The change; null for none. */
  readonly applied: Applied | null
  /** Why the request was rejected; null if accepted. */
  readonly error: ShadowError | null
}

export type Applied = { /** After the change. */ readonly shadow: Shadow } & (
  | { readonly verb: 'update'; readonly patch: Patch; readonly onlyFor: number | undefined }
  | { readonly verb: 'delete' }
)

/**
 * The first answer accepts or rejects the request.
 * @param name the shadow's, for the text of an error
 */
export function step(
  shadow: Shadow | null,
  verb: ShadowVerb,
  payload: Uint8Array,
  now: number,
  name: string,
): Stepped {
  switch (verb) {
    case 'get':
      return get(shadow, payload, now, name)
    case 'update':
      return update(shadow, payload, now)
    case 'delete':
      return remove(shadow, payload, now, name)
    default:
      return verb satisfies never
  }
}

/** The changes that the device still has to make: sent with each update, and when it reconnects. Null for none. */
export function deltaOf(shadow: Shadow, now: number, clientToken?: string): Answer | null {
  const { state, metadata } = shadow.document ?? EMPTY_DOCUMENT
  const delta = difference(state.desired ?? {}, state.reported ?? {})
  if (delta === null) return null
  const body = {
    version: shadow.version,
    timestamp: seconds(now),
    state: delta,
    metadata: timesWithin(metadata.desired ?? {}, delta),
  }
  return { topic: 'update/delta', body: withToken(body, clientToken) }
}

/** A rejection. Exported for reasons that only the caller knows, such as a device with too many shadows. */
export function rejected(verb: ShadowVerb, error: ShadowError, now: number, clientToken?: string): Stepped {
  const { code, message } = error
  const body = withToken({ code, message, timestamp: seconds(now) }, clientToken)
  return { answers: [{ topic: `${verb}/rejected`, body }], applied: null, error }
}

/** The whole document, the body of an accepted get. Null for a deleted shadow. */
export function whole({ version, document }: Shadow, now: number): Readonly<Record<string, unknown>> | null {
  if (document === null) return null
  const { state, metadata } = document
  const delta = difference(state.desired ?? {}, state.reported ?? {})
  return { state: delta === null ? state : { ...state, delta }, metadata, version, timestamp: seconds(now) }
}

function get(shadow: Shadow | null, payload: Uint8Array, now: number, name: string): Stepped {
  const checked = parseAsked(payload)
  if ('error' in checked) return rejected('get', checked.error, now, checked.clientToken)
  const { clientToken } = checked.request
  const body = shadow === null ? null : whole(shadow, now)
  if (body === null) return rejected('get', none(name), now, clientToken)
  return {
    answers: [{ topic: 'get/accepted', body: withToken(body, clientToken) }],
    applied: null,
    error: null,
  }
}

function update(shadow: Shadow | null, payload: Uint8Array, now: number): Stepped {
  const checked = parseUpdate(payload)
  if ('error' in checked) return rejected('update', checked.error, now, checked.clientToken)
  const { state: patch, clientToken, version: onlyFor } = checked.request
  if (conflicts(shadow, checked.request)) return rejected('update', CONFLICT, now, clientToken)
  const before = shadow?.document ?? EMPTY_DOCUMENT
  const document = patched(before, patch, seconds(now))
  if (stateBytes(document) > SHADOW_STATE_BYTES_MAX) return rejected('update', TOO_LARGE, now, clientToken)
  const version = (shadow?.version ?? 0) + 1
  const after: Shadow = { version, changedAt: now, document }
  const timestamp = seconds(now)
  const accepted = { state: patch, metadata: written(document, patch), version, timestamp }
  const documents = {
    previous: { ...before, version: shadow?.version ?? 0 },
    current: { ...document, version },
    timestamp,
  }
  const delta = deltaOf(after, now, clientToken)
  return {
    answers: [
      { topic: 'update/accepted', body: withToken(accepted, clientToken) },
      ...(delta === null ? [] : [delta]),
      { topic: 'update/documents', body: withToken(documents, clientToken) },
    ],
    applied: { verb: 'update', patch, onlyFor, shadow: after },
    error: null,
  }
}

/** Keeps the version: otherwise a client that knew the deleted shadow takes its successor for older. */
function remove(shadow: Shadow | null, payload: Uint8Array, now: number, name: string): Stepped {
  const checked = parseAsked(payload)
  if ('error' in checked) return rejected('delete', checked.error, now, checked.clientToken)
  const { clientToken } = checked.request
  if (shadow === null || shadow.document === null) return rejected('delete', none(name), now, clientToken)
  if (conflicts(shadow, checked.request)) return rejected('delete', CONFLICT, now, clientToken)
  const body = withToken({ version: shadow.version, timestamp: seconds(now) }, clientToken)
  return {
    answers: [{ topic: 'delete/accepted', body }],
    applied: { verb: 'delete', shadow: { ...shadow, changedAt: now, document: null } },
    error: null,
  }
}

const CONFLICT: ShadowError = { code: 409, message: 'Version conflict' }

function none(name: string): ShadowError {
  return { code: 404, message: `No shadow exists with name: '${name}'` }
}

function conflicts(shadow: Shadow | null, { version }: Asked): boolean {
  return version !== undefined && version !== (shadow?.version ?? 0)
}

function patched(before: ShadowDocument, patch: Patch, timestamp: number): ShadowDocument {
  const state: Partial<Record<Section, JsonObject>> = { ...before.state }
  const metadata: Partial<Record<Section, TimesObject>> = { ...before.metadata }
  for (const section of SECTIONS) {
    const changes = patch[section]
    if (changes === undefined) continue
    const merged = changes === null ? {} : merge(before.state[section] ?? {}, changes)
    if (changes === null || Object.keys(merged).length === 0) {
      delete state[section]
      delete metadata[section]
    } else {
      state[section] = merged
      metadata[section] = mergeTimes(before.metadata[section] ?? {}, changes, timestamp)
    }
  }
  return { state, metadata }
}

/** The times of the values that a patch wrote. */
function written({ metadata }: ShadowDocument, patch: Patch): Partial<Record<Section, TimesObject>> {
  const times: Partial<Record<Section, TimesObject>> = {}
  for (const section of SECTIONS) {
    const changes = patch[section]
    if (changes) times[section] = timesWithin(metadata[section] ?? {}, changes)
  }
  return times
}

function stateBytes({ state }: ShadowDocument): number {
  return new TextEncoder().encode(JSON.stringify(state)).length
}

function withToken<T extends object>(body: T, clientToken: string | undefined): T & { clientToken?: string } {
  return clientToken === undefined ? body : { ...body, clientToken }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
