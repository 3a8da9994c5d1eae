// The terms of one connection, which client and server agree on at CONNECT.
import type { ConnectPacket, Properties, ProtocolVersion } from '../mqtt/packet.ts'
import {
  INCOMING_INFLIGHT_MAX,
  OUTGOING_INFLIGHT_MAX,
  SESSION_EXPIRY_SECONDS_MAX,
  SESSION_EXPIRY_SECONDS_V4,
  TOPIC_ALIASES_INCOMING_MAX,
  TOPIC_ALIASES_OUTGOING_MAX,
} from './limits.ts'

/** Small and plain, since the socket's attachment holds it. */
export interface Terms {
  readonly protocolVersion: ProtocolVersion
  /** Seconds; 0 for none. A client that sends no packet for one and a half times as long is disconnected. [MQTT-3.1.2-22] */
  readonly keepAliveSeconds: number
  /** QoS 1 and 2 messages that may be in flight to the client. */
  readonly outgoingWindow: number
  /** Publishes of the client that may be open. */
  readonly incomingWindow: number
  /** Topic aliases that the server may set towards the client. */
  readonly outgoingAliases: number
  /** Bytes. Larger packets are not sent to this client. [MQTT-3.1.2-24] */
  readonly maximumPacketSize: number
  /** False: the client wants no Reason String but in CONNACK and DISCONNECT. [MQTT-3.1.2-29] Absent: it takes them. */
  readonly problemInformation?: false
}

export interface ServerSettings {
  /** The shortest keep alive that a 5.0 client is granted. */
  readonly serverKeepAliveSeconds: number
  readonly packetBytesMax: number
}

export interface Negotiated {
  readonly terms: Terms
  /** How long the session outlives the connection, seconds; 0: it ends with the connection. */
  readonly expirySeconds: number
  /** For CONNACK; empty for 3.1.1. */
  readonly properties: Properties
}

const PACKET_BYTES_UNLIMITED = 0xffff_ffff

export function negotiate(connect: ConnectPacket, settings: ServerSettings): Negotiated {
  if (connect.protocolVersion === 4) {
    return {
      terms: {
        protocolVersion: 4,
        keepAliveSeconds: connect.keepAlive,
        outgoingWindow: OUTGOING_INFLIGHT_MAX,
        incomingWindow: INCOMING_INFLIGHT_MAX,
        outgoingAliases: 0,
        maximumPacketSize: PACKET_BYTES_UNLIMITED,
      },
      expirySeconds: connect.cleanStart ? 0 : SESSION_EXPIRY_SECONDS_V4,
      properties: {},
    }
  }
  const asked = connect.properties.sessionExpiryInterval ?? 0
  const expirySeconds = Math.min(asked, SESSION_EXPIRY_SECONDS_MAX)
  // A client without a keep alive costs nothing while silent: leave it so.
  const keepAliveSeconds =
    connect.keepAlive === 0 ? 0 : Math.max(connect.keepAlive, settings.serverKeepAliveSeconds)
  return {
    terms: {
      protocolVersion: 5,
      keepAliveSeconds,
      outgoingWindow: Math.min(connect.properties.receiveMaximum ?? 65_535, OUTGOING_INFLIGHT_MAX),
      incomingWindow: INCOMING_INFLIGHT_MAX,
      outgoingAliases: Math.min(connect.properties.topicAliasMaximum ?? 0, TOPIC_ALIASES_OUTGOING_MAX),
      maximumPacketSize: connect.properties.maximumPacketSize ?? PACKET_BYTES_UNLIMITED,
      ...(connect.properties.requestProblemInformation === false && { problemInformation: false as const }),
    },
    expirySeconds,
    properties: {
      receiveMaximum: INCOMING_INFLIGHT_MAX,
      maximumPacketSize: settings.packetBytesMax,
      topicAliasMaximum: TOPIC_ALIASES_INCOMING_MAX,
      ...(keepAliveSeconds !== connect.keepAlive && { serverKeepAlive: keepAliveSeconds }),
      ...(expirySeconds !== asked && { sessionExpiryInterval: expirySeconds }),
    },
  }
}
