// The live connection in memory: its packets in, its frames out.
import { encodePublish, publishSize } from '../../../src/mqtt/encode.ts'
import type { Message } from '../../../src/mqtt/message.ts'
import type { Properties, ServerPacket } from '../../../src/mqtt/packet.ts'
import type { PacketStream } from '../../../src/mqtt/packet-stream.ts'
import type { ReasonCode } from '../../../src/mqtt/reason.ts'
import type { Delivery } from '../../../src/session/delivery.ts'
import { encodeWithReason } from '../../../src/session/reason-string.ts'
import type { Terms } from '../../../src/session/terms.ts'
import { OutgoingAliases } from '../../../src/session/topic-aliases.ts'
import { closeCode, hex } from '../../close-codes.ts'
import type { Connection } from '../../platform.ts'
import type { Admission } from './attachment.ts'
import { type KeptUnread, UnreadBytes } from './unread-bytes.ts'

/** The Topic Alias property, and a Property Length that takes a byte more. */
const TOPIC_ALIAS_BYTES_MAX = 5

/** An accepted CONNECT. */
export interface Accepted {
  readonly live: Live
  readonly sessionPresent: boolean
  /** For CONNACK. */
  readonly properties: Properties
  /** Messages that the session's full queue has dropped since it began. */
  readonly dropped: number
}

export class Live {
  readonly connection: Connection
  readonly terms: Terms
  readonly stream: PacketStream
  readonly admission: Admission
  lastActivityAt: number
  /** The reason of the client's DISCONNECT. */
  farewell: ReasonCode | null = null
  readonly unread: UnreadBytes
  private readonly aliases: OutgoingAliases
  private out: Uint8Array[] = []
  private planned = false
  private ended = false

  constructor(
    connection: Connection,
    terms: Terms,
    stream: PacketStream,
    lastActivityAt: number,
    admission: Admission = { global: false, credential: null },
    unread?: KeptUnread,
  ) {
    this.unread = new UnreadBytes(unread)
    this.admission = admission
    this.connection = connection
    this.terms = terms
    this.stream = stream
    this.lastActivityAt = lastActivityAt
    this.aliases = new OutgoingAliases(terms.outgoingAliases)
  }

  /** The message as a publish or will of this client: with `global` if the client's token says so. */
  own(message: Message): Message {
    return this.admission.global && message.qos > 0 ? { ...message, global: true } : message
  }

  /** How long a partial packet has waited for its rest, ms; 0 if there is no partial packet. */
  partialFor(now: number): number {
    return this.stream.pending.length > 0 ? now - this.lastActivityAt : 0
  }

  /** One and a half times the keep alive. [MQTT-3.1.2-22] */
  get keepAliveMs(): number {
    return this.terms.keepAliveSeconds * 1500
  }

  get closed(): boolean {
    return this.ended
  }

  /** Whether the client takes a packet of this size. [MQTT-3.1.2-24] */
  takes(packet: ServerPacket): boolean {
    return encodeWithReason(this.terms, packet).length <= this.terms.maximumPacketSize
  }

  /** False if the packet exceeds the client's Maximum Packet Size: then the connection must be closed. [MQTT-3.1.2-24] */
  reply(packet: ServerPacket): boolean {
    const bytes = encodeWithReason(this.terms, packet)
    if (bytes.length > this.terms.maximumPacketSize) return false
    this.push(bytes)
    return true
  }

  /**
   * `unsendable`: the delivery is dropped and counts as acknowledged, since it exceeds the client's Maximum Packet Size
   * [MQTT-3.1.2-25] or expired before it was first sent [MQTT-3.3.2-5]. `no-room`: dropped at QoS 0, for a client that does not read.
   */
  publish(
    delivery: Delivery,
    packetId: number,
    dup: boolean,
    now: number,
  ): 'sent' | 'unsendable' | 'no-room' {
    const { protocolVersion, maximumPacketSize } = this.terms
    const { expiresAt } = delivery.message
    if (!dup && expiresAt > 0 && expiresAt <= now) return 'unsendable'
    if (packetId === 0 && !this.unread.hasRoom) {
      this.unread.drop(now)
      return 'no-room'
    }
    const shape = {
      qos: delivery.qos,
      retain: delivery.retain,
      dup,
      packetId,
      subscriptionIdentifiers: protocolVersion === 5 ? delivery.identifiers : [],
      now,
    }
    const size = publishSize(protocolVersion, delivery.message, shape)
    if (size > maximumPacketSize) return 'unsendable'
    const topicAlias =
      size + TOPIC_ALIAS_BYTES_MAX > maximumPacketSize ? null : this.aliases.use(delivery.message.topic)
    this.push(encodePublish(protocolVersion, delivery.message, { ...shape, topicAlias }))
    return 'sent'
  }

  /**
   * Closes the connection, with a DISCONNECT for a 5.0 client.
   * @param said the Reason String, if the reason code does not name the cause
   */
  close(reason: ReasonCode | null, said?: string): void {
    if (this.ended) return
    if (reason !== null && this.terms.protocolVersion === 5)
      this.reply({ type: 'disconnect', reason, properties: said === undefined ? {} : { reasonString: said } })
    this.flush()
    this.ended = true
    this.connection.attach({ phase: 'closed' })
    this.connection.close(closeCode(reason), reason === null ? '' : `MQTT reason ${hex(reason)}`)
  }

  /** The peer has closed. */
  end(): void {
    this.ended = true
    this.out = []
  }

  flush(): void {
    this.planned = false
    const first = this.out[0]
    if (first === undefined || this.ended) return
    // All packets of one event go in one frame.
    this.connection.send(this.out.length === 1 ? first : concat(this.out))
    this.out = []
  }

  private push(bytes: Uint8Array): void {
    if (this.ended) return
    this.unread.sent(bytes.length)
    this.out.push(bytes)
    if (this.planned) return
    this.planned = true
    queueMicrotask(() => this.flush())
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
