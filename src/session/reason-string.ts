// The Reason String of a refusal (MQTT 5.0): for people who look for the mistake. It says what to mend, by packet and reason code,
// unless whoever refused knows the cause and says so. A text names no secret, and says nothing of other clients.
import { encodePacket } from '../mqtt/encode.ts'
import type { ServerPacket } from '../mqtt/packet.ts'
import { isFailure, Reason, type ReasonCode } from '../mqtt/reason.ts'
import type { Terms } from './terms.ts'

type Texts = Partial<Record<ReasonCode, string>>

const AGAIN = 'the server could not finish: send it again later'

const CONNACK: Texts = {
  [Reason.UnsupportedProtocolVersion]: 'MQTT 3.1.1 and 5.0 are spoken here: set the client to one of them',
  [Reason.UnspecifiedError]: 'the server failed on this CONNECT: connect again later',
  [Reason.ClientIdentifierNotValid]:
    'a client id has 1 to 128 bytes, without / + # and control characters, no $ first, and is not . or ..',
  // One text for a bad signature, an unknown credential and a wrong secret: a guesser learns nothing.
  [Reason.BadUserNameOrPassword]: 'the password is neither a valid token nor the secret of this device',
  [Reason.NotAuthorized]: 'this client may not connect with this password',
  [Reason.ServerUnavailable]:
    'the session belongs to a region that cannot be reached now: connect again later',
  [Reason.BadAuthenticationMethod]:
    'enhanced authentication is not available: leave out Authentication Method',
  [Reason.UseAnotherServer]: 'this region takes no clients now: connect to the Server Reference',
  [Reason.ConnectionRateExceeded]:
    'too many attempts with credentials that are not known: connect again later',
}

const PUBLISHED: Texts = {
  [Reason.UnspecifiedError]: AGAIN,
  [Reason.ImplementationSpecificError]:
    'the message is not in the core’s store, as durability global asks: send it again later',
  [Reason.NotAuthorized]:
    'only the server publishes to $…, to presence/… and to the answers of a shadow: use another topic',
  [Reason.TopicNameInvalid]: 'the first two levels of the topic have more than 900 bytes',
  [Reason.PacketIdentifierNotFound]: 'no message with this packet identifier is in flight',
  [Reason.PacketTooLarge]: 'the message is larger than the Maximum Packet Size of the CONNACK',
  [Reason.QuotaExceeded]:
    'this client has begun as many new topic roots as it may, or a queue for a receiver, for another region or for the store is full: send it again later',
}

const SUBACK: Texts = {
  [Reason.UnspecifiedError]: 'the server could not finish: subscribe again later',
  [Reason.ImplementationSpecificError]:
    'a region that the filter needs cannot be reached now: subscribe again later',
  [Reason.NotAuthorized]: 'this client may not subscribe to the filter',
  [Reason.TopicFilterInvalid]:
    'not a topic filter, or its first two levels have more than 900 bytes, or it is shared and begins with $aws/; for a history, <from> is not a time or the first two levels have a wildcard',
  [Reason.QuotaExceeded]:
    'the session has as many subscriptions or wide filters as it may, the region as many wide filters, the filter has more than 1,024 bytes, the packet more than 1,000 filters, the client has begun as many new topic roots as it may, or the history is longer than one SUBSCRIBE brings',
}

const UNSUBACK: Texts = {
  [Reason.TopicFilterInvalid]: 'not a topic filter',
}

const DISCONNECT: Texts = {
  [Reason.UnspecifiedError]: 'the server failed on this connection: connect again',
  [Reason.MalformedPacket]: 'a packet could not be read',
  [Reason.ProtocolError]: 'a packet broke the rules of the protocol',
  [Reason.NotAuthorized]: 'the credential has ended: connect with another',
  [Reason.ServerShuttingDown]: 'the server stops: connect again',
  [Reason.KeepAliveTimeout]: 'no packet came for one and a half times the keep alive',
  [Reason.SessionTakenOver]: 'another connection with this client id has taken the session over',
  [Reason.ReceiveMaximumExceeded]: 'more publishes were open than the Receive Maximum of the CONNACK allows',
  [Reason.TopicAliasInvalid]: 'the topic alias is 0, or larger than the Topic Alias Maximum of the CONNACK',
  [Reason.PacketTooLarge]:
    'a packet is larger than the Maximum Packet Size: the server’s, or the client’s for an answer that cannot be shorter',
  [Reason.QuotaExceeded]: AGAIN,
  [Reason.AdministrativeAction]: 'the registry has disabled the device or revoked its credential',
}

/** What of a connection's terms decides whether a Reason String may be sent. */
export type ReasonTerms = Pick<Terms, 'protocolVersion' | 'maximumPacketSize' | 'problemInformation'>

/** The packet as bytes, with a Reason String if it refuses and there is room for one in a packet of the client's size. */
export function encodeWithReason(terms: ReasonTerms, packet: ServerPacket): Uint8Array {
  const { protocolVersion, maximumPacketSize, problemInformation = true } = terms
  if (protocolVersion === 4) return encodePacket(4, packet)
  const bytes = encodePacket(5, withReasonString(packet, problemInformation))
  if (bytes.length <= maximumPacketSize) return bytes
  // A Reason String must not make a packet larger than the client takes. [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.9.2-1]
  return encodePacket(5, withoutReasonString(packet))
}

/**
 * The packet with a Reason String, if it refuses and has none.
 * @param problemInformation false where the client has asked for none [MQTT-3.1.2-29]
 */
function withReasonString(packet: ServerPacket, problemInformation: boolean): ServerPacket {
  if (packet.type === 'pingresp') return packet
  const mayHave = packet.type === 'connack' || packet.type === 'disconnect' || problemInformation
  if (!mayHave) return withoutReasonString(packet)
  if (packet.properties.reasonString !== undefined) return packet
  const reasonString = textOf(packet)
  if (reasonString === undefined) return packet
  return { ...packet, properties: { ...packet.properties, reasonString } }
}

function withoutReasonString(packet: ServerPacket): ServerPacket {
  if (packet.type === 'pingresp' || packet.properties.reasonString === undefined) return packet
  const { reasonString: _, ...properties } = packet.properties
  return { ...packet, properties }
}

function textOf(packet: Exclude<ServerPacket, { type: 'pingresp' }>): string | undefined {
  switch (packet.type) {
    case 'connack':
      return isFailure(packet.reason) ? CONNACK[packet.reason] : undefined
    case 'disconnect':
      return isFailure(packet.reason) ? DISCONNECT[packet.reason] : undefined
    case 'suback':
    case 'unsuback': {
      const failed = packet.reasons.find(isFailure)
      if (failed === undefined) return undefined
      return (packet.type === 'suback' ? SUBACK : UNSUBACK)[failed]
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return isFailure(packet.reason) ? PUBLISHED[packet.reason] : undefined
    default:
      return packet satisfies never
  }
}
