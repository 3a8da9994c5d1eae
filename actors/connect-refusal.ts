// Why a CONNECT is refused, and the CONNACK that says so. A cause is named only to a client whose token has a valid signature, or
// whose secret is right: to all others each refusal by password reads alike.
import { type ClientClaims, checkClientToken } from '../src/id/client-token.ts'
import { ConnectViolation } from '../src/mqtt/decode-connect.ts'
import type { ConnectPacket, Properties } from '../src/mqtt/packet.ts'
import { type ProtocolViolation, Reason, type ReasonCode } from '../src/mqtt/reason.ts'
import { encodeWithReason } from '../src/session/reason-string.ts'
import type { Platform } from './platform.ts'

export interface ConnectRefusal {
  readonly refused: ReasonCode
  /** Reason String, where the reason code alone does not say the cause. */
  readonly said?: string
}

export const NO_PASSWORD = 'no password came: send a token or the secret of the device as password'
export const EXPIRED = 'the token has expired: sign a new one'
export const OTHER_CLIENT = 'the token is of another client than the one that the address names'
export const OTHER_FLEET = 'the token is of another fleet than the one that the address names'
export const OTHER_CLIENT_ID =
  'the client id is not that of the token or the address: send the same one, or an empty one'
export const DISABLED = 'the registry has disabled the device'
export const REVOKED = 'the credential has been revoked, or has ended'
export const LONG_WILL =
  'the first two levels of the topic of the will have more than 900 bytes: choose another'
export const RESERVED_WILL = 'the topic of the will is the server’s own: choose another'

const PACKET_BYTES_UNLIMITED = 0xffff_ffff

export function refuse(refused: ReasonCode, said?: string): ConnectRefusal {
  return said === undefined ? { refused } : { refused, said }
}

/** The claims of a token that came as password, or the refusal. */
export async function claimsOf(
  token: string,
  platform: Pick<Platform, 'settings' | 'now'>,
): Promise<ClientClaims | ConnectRefusal> {
  const claims = await checkClientToken(token, platform.settings.clientTokenSecret, platform.now())
  if (claims === 'expired') return refuse(Reason.BadUserNameOrPassword, EXPIRED)
  return claims === 'invalid' ? refuse(Reason.BadUserNameOrPassword) : claims
}

/** The CONNACK for a CONNECT that cannot be read; null for a client that gets none. */
export function encodeViolation(violation: ProtocolViolation): Uint8Array | null {
  if (!(violation instanceof ConnectViolation) || violation.answerIn === null) return null
  const { answerIn: protocolVersion, reason: refused, message: said } = violation
  return encodeRefusal({ protocolVersion, properties: {} }, { refused, said })
}

/** The CONNACK, without a session. [MQTT-3.2.2-6] */
export function encodeRefusal(
  { protocolVersion, properties }: Pick<ConnectPacket, 'protocolVersion' | 'properties'>,
  { refused, said }: ConnectRefusal,
  more: Properties = {},
): Uint8Array {
  const { maximumPacketSize = PACKET_BYTES_UNLIMITED } = properties
  return encodeWithReason(
    { protocolVersion, maximumPacketSize },
    {
      type: 'connack',
      sessionPresent: false,
      reason: refused,
      properties: { ...more, ...(said !== undefined && { reasonString: said }) },
    },
  )
}
