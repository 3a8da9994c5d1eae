// From an HTTP request that calls a device to the requests that its home gets: the call, and how long the home holds it.
import { bytesToBase64 } from '../relay/base64.ts'
import { COMMAND_BYTES_MAX, COMMAND_HOLD_MS_MAX, type CommandCall } from '../relay/command.ts'
import { CALL_WAIT_MS_MAX, type Call } from './command.ts'
import { payloadBytes } from './payload.ts'

/** The call as the home gets it; null if the payload is too large. @param key the idempotency key */
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
    // The caller may be gone when the answer comes.
    kept: key !== undefined || waitMs < timeoutMs,
    fingerprint: await digest([name, contentType, encoded]),
  }
}

/** The longest time that the caller waits, ms. */
export function waitMsOf(prefer: string | undefined, timeoutMs: number): number {
  const wanted = (prefer ?? '').split(',').map((one) => one.trim().toLowerCase())
  if (wanted.includes('respond-async') && !wanted.some((one) => one.startsWith('wait='))) return 0
  const seconds = wanted.map((one) => /^wait=(\d{1,6})$/.exec(one)?.[1]).find((one) => one !== undefined)
  const asked = seconds === undefined ? CALL_WAIT_MS_MAX : Number(seconds) * 1000
  return Math.min(asked, timeoutMs, CALL_WAIT_MS_MAX)
}

/**
 * The request of each try: the first makes the call, later ones ask for its outcome.
 * @param until when the caller stops to wait, ms since the epoch
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

/** How long the home holds the next request of a caller that waits until then, ms. */
function holdMs(until: number, now: number): number {
  return Math.min(COMMAND_HOLD_MS_MAX, Math.max(0, until - now))
}

/** A SHA-256 in 43 characters. */
async function digest(of: unknown): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(of)))
  return bytesToBase64(new Uint8Array(hash)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
