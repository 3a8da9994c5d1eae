// How edge and core know each other: a short-lived token signed with a secret that both hold.
import { jwtVerify, SignJWT } from 'jose'
import type { RegionId } from '../id/ids.ts'

/** `core`, or the edge of a region. */
export type RelayParty = 'core' | `edge:${string}`

export function edgeParty(region: RegionId): RelayParty {
  return `edge:${region}`
}

/** A call is refused once its token is older than this, apart from the clocks' difference. */
const TOKEN_SECONDS = 300
/** Clocks of regions and core may differ by this. */
const CLOCK_SKEW_SECONDS = 300
/** A token is made anew when it has this long to live, so that signing is not paid for on every call. */
const RENEW_SECONDS = 120

export const RELAY_SECRET_CHARS_MIN = 32

export function relayKey(secret: string): Uint8Array {
  if (secret.length < RELAY_SECRET_CHARS_MIN) {
    throw new Error(
      `the relay secret has ${secret.length} characters; at least ${RELAY_SECRET_CHARS_MIN} are needed`,
    )
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

  /** An `Authorization` header's value. */
  async authorization(to: RelayParty): Promise<string> {
    const now = this.now()
    let kept = this.tokens.get(to)
    if (kept === undefined || kept.renewAt <= now) {
      const issuedAt = Math.floor(now / 1000)
      const token = await new SignJWT()
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(this.from)
        .setAudience(to)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + TOKEN_SECONDS)
        .sign(this.key)
      kept = { token, renewAt: now + (TOKEN_SECONDS - RENEW_SECONDS) * 1000 }
      this.tokens.set(to, kept)
    }
    return `Bearer ${kept.token}`
  }
}

/**
 * Who made a call to `to`, or null if it is unsigned, stale, meant for another party or signed with another secret.
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
  try {
    const { payload } = await jwtVerify(token, relayKey(secret), {
      algorithms: ['HS256'],
      audience: to,
      requiredClaims: ['iss', 'iat', 'exp'],
      maxTokenAge: TOKEN_SECONDS,
      clockTolerance: CLOCK_SKEW_SECONDS,
      currentDate: new Date(now),
    })
    return payload.iss as RelayParty
  } catch {
    return null
  }
}
