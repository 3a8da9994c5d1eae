// The MQTT control packets as a discriminated union. One shape serves 3.1.1 and 5.0: fields that only 5.0 has are empty (`{}`, 0,
// Reason.Success) in a decoded 3.1.1 packet, and are left out of an encoded one.
import type { Message } from './message.ts'
import type { ReasonCode } from './reason.ts'

/** Protocol levels as CONNECT carries them. */
export type ProtocolVersion = 4 | 5
export type QoS = 0 | 1 | 2

export type UserProperties = readonly (readonly [name: string, value: string])[]

/** Properties of every packet but PUBLISH, whose properties travel as bytes inside its Message. */
export interface Properties {
  sessionExpiryInterval?: number
  receiveMaximum?: number
  maximumQoS?: 0 | 1
  retainAvailable?: boolean
  maximumPacketSize?: number
  assignedClientIdentifier?: string
  topicAliasMaximum?: number
  reasonString?: string
  userProperties?: UserProperties
  wildcardSubscriptionAvailable?: boolean
  subscriptionIdentifiersAvailable?: boolean
  sharedSubscriptionAvailable?: boolean
  serverKeepAlive?: number
  responseInformation?: string
  serverReference?: string
  authenticationMethod?: string
  authenticationData?: Uint8Array
  requestResponseInformation?: boolean
  requestProblemInformation?: boolean
  /** SUBSCRIBE only. 1 to 268,435,455. */
  subscriptionIdentifier?: number
}

export interface Will {
  /** Its `retain` and `qos` are the will's; `expiresAt` is 0 and the interval stands in `expirySeconds`. */
  readonly message: Message
  /** Will Delay Interval, seconds. */
  readonly delaySeconds: number
  /** Message Expiry Interval, which starts when the will is published; null where none was given. */
  readonly expirySeconds: number | null
}

export interface ConnectPacket {
  readonly type: 'connect'
  readonly protocolVersion: ProtocolVersion
  readonly clientId: string
  readonly cleanStart: boolean
  /** Seconds; 0 turns keep alive off. */
  readonly keepAlive: number
  readonly username: string | null
  readonly password: Uint8Array | null
  readonly will: Will | null
  readonly properties: Properties
}

export interface ConnackPacket {
  readonly type: 'connack'
  readonly sessionPresent: boolean
  readonly reason: ReasonCode
  readonly properties: Properties
}

export interface PublishPacket {
  readonly type: 'publish'
  readonly dup: boolean
  /** 1 to 65,535; 0 with QoS 0. */
  readonly packetId: number
  /** Topic Alias: 1 to 65,535, or 0 for none. With an alias, `message.topic` may be empty. */
  readonly topicAlias: number
  readonly message: Message
}

export interface AckPacket {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'
  readonly packetId: number
  readonly reason: ReasonCode
  readonly properties: Properties
}

export interface SubscriptionRequest {
  readonly filter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** 0 always, 1 only for a new subscription, 2 never. */
  readonly retainHandling: 0 | 1 | 2
}

export interface SubscribePacket {
  readonly type: 'subscribe'
  readonly packetId: number
  readonly subscriptions: readonly SubscriptionRequest[]
  /** How many further filters the packet has: SUBACK refuses them. Absent: none. */
  readonly excess?: number
  readonly properties: Properties
}

export interface SubackPacket {
  readonly type: 'suback'
  readonly packetId: number
  readonly reasons: readonly ReasonCode[]
  readonly properties: Properties
}

export interface UnsubscribePacket {
  readonly type: 'unsubscribe'
  readonly packetId: number
  readonly filters: readonly string[]
  readonly properties: Properties
}

export interface UnsubackPacket {
  readonly type: 'unsuback'
  readonly packetId: number
  readonly reasons: readonly ReasonCode[]
  readonly properties: Properties
}

export interface PingreqPacket {
  readonly type: 'pingreq'
}

export interface PingrespPacket {
  readonly type: 'pingresp'
}

export interface DisconnectPacket {
  readonly type: 'disconnect'
  readonly reason: ReasonCode
  readonly properties: Properties
}

export interface AuthPacket {
  readonly type: 'auth'
  readonly reason: ReasonCode
  readonly properties: Properties
}

/** The packets that a client sends. */
export type ClientPacket =
  | ConnectPacket
  | PublishPacket
  | AckPacket
  | SubscribePacket
  | UnsubscribePacket
  | PingreqPacket
  | DisconnectPacket
  | AuthPacket

/** The packets that a server sends, except PUBLISH: `encodePublish` writes that. */
export type ServerPacket =
  | ConnackPacket
  | AckPacket
  | SubackPacket
  | UnsubackPacket
  | PingrespPacket
  | DisconnectPacket
