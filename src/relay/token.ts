// How edge and core authenticate: by a short-lived token, signed with a secret that both have.
import { jwtVerify, SignJWT } from 'jose'
import type { RegionId } from '../id/ids.ts'

/** `core`, or the edge of a region. */
export type RelayParty = 'core' | `edge:${string}`

export function edgeParty(region: RegionId): RelayParty {
  return `edge:${region}`
}

/** A token is valid for this long, plus the clocks' difference. */
const TOKEN_SECONDS = 300
/** Clocks of regions and core may differ by this. */
const CLOCK_SKEW_SECONDS = 300
/** A token is reused until this long before its end, so that not every call pays for a signature. */
const RENEW_SECONDS = 120

/** The result of a check is reused for this long. */
const VERIFIED_MS = 30_000

export const RELAY_SECRET_CHARS_MIN = 32

export function relayKey(secret: string): Uint8Array {
  if (secret.length < RELAY_SECRET_CHARS_MIN) {
    throw new Error(`the relay secret has ${secret.length} characters; at least ${RELAY_SECRET_CHARS_MIN}`)
  }
  return new TextEncoder().encode(secret)
}

export class RelaySigner {
  private readonly key: Uint8Array
  private readonly from: RelayParty
  private readonly now: () => number
  private readonly tokens = new Map<RelayParty, { readonly token: string; readonly renewAt: number }>()

  /** @param now milliseconds since the epoch */
  constructor(secret: string, from: RelayParty, now: () => number = Date.now) {
    this.key = relayKey(secret)
    this.from = from
    this.now = now
  }

  /** The value of the `Authorization` header. */
  async authorization(to: RelayParty): Promise<string> {
    const now = this.now()
    let current = this.tokens.get(to)
    if (current === undefined || current.renewAt <= now) {
      const issuedAt = Math.floor(now / 1000)
      const token = await new SignJWT()
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(this.from)
        .setAudience(to)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + TOKEN_SECONDS)
        .sign(this.key)
      current = { token, renewAt: now + (TOKEN_SECONDS - RENEW_SECONDS) * 1000 }
      this.tokens.set(to, current)
    }
    return `Bearer ${current.token}`
  }
}

/** Valid tokens. A caller uses one for minutes, so its signature need not be checked on each call. */
const verified = new Map<
  string,
  { readonly from: RelayParty; readonly atMs: number; readonly untilMs: number }
>()
const VERIFIED_MAX = 1_000

/**
 * The caller of a call to `to`; null if the token is missing, expired, for another party, or signed with another secret.
 * @param authorization the header's value
 */
export async function verifyRelay(
  authorization: string | null | undefined,
  secret: string,
  to: RelayParty,
  now: number = Date.now(),
): Promise<RelayParty | null> {
  const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
  if (token === undefined) return null
  const key = JSON.stringify([to, secret, token])
  const known = verified.get(key)
  if (known !== undefined && known.atMs <= now && now < known.untilMs) return known.from
  try {
    const { payload } = await jwtVerify(token, relayKey(secret), {
      algorithms: ['HS256'],
      audience: to,
      requiredClaims: ['iss', 'iat', 'exp'],
      maxTokenAge: TOKEN_SECONDS,
      clockTolerance: CLOCK_SKEW_SECONDS,
      currentDate: new Date(now),
    })
    const from = payload.iss as RelayParty
    if (verified.size >= VERIFIED_MAX) verified.clear()
    verified.set(key, {
      from,
      atMs: now,
      untilMs: Math.min(now + VERIFIED_MS, ((payload.exp ?? 0) + CLOCK_SKEW_SECONDS) * 1000),
    })
    return from
  } catch {
    return null
  }
}
