// A client's token: who it is, in which fleet, until when. Given as MQTT password, `Authorization: Bearer`, or `?token=`.
import { decodeJwt, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { type ClientId, DEFAULT_FLEET, type FleetId, parseClientId, parseFleetId } from './ids.ts'

export interface ClientClaims {
  readonly client: ClientId
  readonly fleet: FleetId
  /** May call the administrative HTTP API. */
  readonly admin: boolean
  /** `global`: a publish is acknowledged only when the core's store has it, so that the loss of a region cannot lose it. */
  readonly durability?: 'global'
}

const AUDIENCE = 'starling'
export const CLIENT_TOKEN_SECRET_CHARS_MIN = 32

export async function signClientToken(
  claims: ClientClaims,
  secret: string,
  lifetimeSeconds: number,
  now: number = Date.now(),
): Promise<string> {
  const issuedAt = Math.floor(now / 1000)
  const { durability } = claims
  return new SignJWT({
    fleet: claims.fleet,
    ...(claims.admin && { scope: 'admin' }),
    ...(durability !== undefined && { durability }),
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(claims.client)
    .setAudience(AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds)
    .sign(new TextEncoder().encode(secret))
}

/** `expired` is said of a token with a valid signature only, so that a guesser learns nothing. */
export async function checkClientToken(
  token: string,
  secret: string,
  now: number = Date.now(),
): Promise<ClientClaims | 'expired' | 'invalid'> {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
      algorithms: ['HS256'],
      audience: AUDIENCE,
      requiredClaims: ['sub', 'exp'],
      currentDate: new Date(now),
    })
    return claimsIn(payload) ?? 'invalid'
  } catch (cause) {
    // The signature is checked before the claims.
    return cause instanceof errors.JWTExpired ? 'expired' : 'invalid'
  }
}

/** The claims of a token, without a check of the signature: for tools that show a token to its owner. */
export function tokenSays(token: string): ClientClaims | null {
  try {
    return claimsIn(decodeJwt(token))
  } catch {
    return null
  }
}

function claimsIn(payload: JWTPayload): ClientClaims | null {
  const client = parseClientId(payload.sub ?? '')
  const fleet = parseFleetId(typeof payload.fleet === 'string' ? payload.fleet : DEFAULT_FLEET)
  if (client === null || fleet === null) return null
  return {
    client,
    fleet,
    admin: payload.scope === 'admin',
    ...(payload.durability === 'global' && { durability: payload.durability }),
  }
}
