// What the home of a device is asked for when the device is called over HTTP: which call it is, and how long to hold it.
import { bytesToBase64 } from '../relay/base64.ts'
import { COMMAND_BYTES_MAX, COMMAND_HOLD_MS_MAX, type CommandCall } from '../relay/command.ts'
import { CALL_WAIT_MS_MAX, type Call } from './command.ts'
import { payloadBytes } from './payload.ts'

/** What the home is asked, and null where the payload is too large. @param key the idempotency key */
export async function callOf(
  call: Call,
  target: { readonly fleet: string; readonly device: string },
  key: string | undefined,
  waitMs: number,
): Promise<Omit<CommandCall, 'askedForMs' | 'holdMs'> | null> {
  const { name, timeoutMs, whenOffline } = call
  const bytes = payloadBytes(call)
  if (bytes.length > COMMAND_BYTES_MAX) return null
  const contentType = call.contentType ?? (call.json === undefined ? null : 'application/json')
  const encoded = bytesToBase64(bytes)
  return {
    ask: 'call',
    id:
      key === undefined
        ? crypto.randomUUID()
        : await digest(['idempotency', target.fleet, target.device, key]),
    name,
    payload: encoded,
    contentType,
    timeoutMs,
    whenOffline,
    // Nobody may be there any more when the answer comes.
    kept: key !== undefined || waitMs < timeoutMs,
    fingerprint: await digest([name, contentType, encoded]),
  }
}

/** How long the caller waits at most. */
export function waitMsOf(prefer: string | undefined, timeoutMs: number): number {
  const wanted = (prefer ?? '').split(',').map((one) => one.trim().toLowerCase())
  if (wanted.includes('respond-async') && !wanted.some((one) => one.startsWith('wait='))) return 0
  const seconds = wanted.map((one) => /^wait=(\d{1,6})$/.exec(one)?.[1]).find((one) => one !== undefined)
  const asked = seconds === undefined ? CALL_WAIT_MS_MAX : Number(seconds) * 1000
  return Math.min(asked, timeoutMs, CALL_WAIT_MS_MAX)
}

/**
 * What to ask the home for, try after try: the first says so, however long it was in coming.
 * @param until when the caller no longer waits
 */
export function triesOf(
  call: Omit<CommandCall, 'askedForMs' | 'holdMs'>,
  until: number,
  now: () => number = Date.now,
): () => CommandCall {
  let first: number | null = null
  return () => {
    const at = now()
    const askedForMs = first === null ? 0 : Math.max(1, at - first)
    first ??= at
    return { ...call, askedForMs, holdMs: holdMs(until, at) }
  }
}

/** So long a home is to hold the next request of who waits until a time. */
function holdMs(until: number, now: number): number {
  return Math.min(COMMAND_HOLD_MS_MAX, Math.max(0, until - now))
}

/** Names what it is of, in 43 characters. */
async function digest(of: unknown): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(of)))
  return bytesToBase64(new Uint8Array(hash)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
