// A publisher and its subscriber, and the account of what went between them.
import { PairAccount } from './account.ts'
import { Connection, type Login } from './connection.ts'
import { PacketType, PublishFrame, pubackFrame, type Received, readPublish } from './packets.ts'
import type { Samples } from './samples.ts'

const PACKET_ID_MAX = 0xff_ff
/** Send times are kept by packet id, in a ring that must hold a window. */
const ACK_RING = 1024
export const WINDOW_MAX = ACK_RING / 2

export type PairPlan = {
  readonly publisher: Login
  readonly subscriber: Login
  readonly topic: string
  readonly filter: string
}

/** Where a pair reports durations while they are measured. */
export type Watch = {
  readonly oneWay: Samples
  readonly acknowledgement: Samples
  /** Only messages that were sent after this moment count. */
  readonly since: number
}

export class Pair {
  readonly account = new PairAccount()
  readonly #qos: 0 | 1
  readonly #publisher: Connection
  readonly #subscriber: Connection
  readonly #frame: PublishFrame
  readonly #ackSentAt = new Float64Array(ACK_RING)
  readonly #incoming: Received = { packetId: 0, sequence: 0, sentAt: 0 }
  /** What a lost QoS 0 message holds of the window is given back: messages up to this one are not waited for. */
  #writtenOff = 0
  watch: Watch | null = null
  /** Called when a message has come, or has been acknowledged. */
  onProgress: (pair: Pair) => void = () => undefined

  static async open(plan: PairPlan, qos: 0 | 1, payloadBytes: number): Promise<Pair> {
    const subscriber = await Connection.open(plan.subscriber)
    await subscriber.subscribe(plan.filter, qos)
    const publisher = await Connection.open(plan.publisher)
    return new Pair(publisher, subscriber, new PublishFrame(plan.topic, qos, payloadBytes), qos)
  }

  private constructor(publisher: Connection, subscriber: Connection, frame: PublishFrame, qos: 0 | 1) {
    this.#publisher = publisher
    this.#subscriber = subscriber
    this.#frame = frame
    this.#qos = qos
    subscriber.onPacket((header, bytes, start) => {
      if (header >> 4 === PacketType.publish) this.#receive(header, bytes, start)
    })
    publisher.onPacket((header, bytes, start) => {
      if (header >> 4 === PacketType.puback) this.#acknowledge(bytes.readUInt16BE(start))
    })
  }

  /** Messages on their way; one of QoS 1 is until it has both come and been acknowledged. */
  get underWay(): number {
    const { sent, highest, acknowledged } = this.account
    const toCome = sent - Math.max(highest, this.#writtenOff)
    return this.#qos === 0 ? toCome : Math.max(toCome, sent - acknowledged)
  }

  get lostConnection(): string | undefined {
    return this.#publisher.lost ?? this.#subscriber.lost
  }

  get complete(): boolean {
    const { lost, sent, acknowledged } = this.account
    return lost === 0 && (this.#qos === 0 || acknowledged >= sent)
  }

  publish(): void {
    const sequence = ++this.account.sent
    const packetId = ((sequence - 1) % PACKET_ID_MAX) + 1
    const sentAt = performance.now()
    if (this.#qos === 1) this.#ackSentAt[packetId % ACK_RING] = sentAt
    this.#publisher.write(this.#frame.stamp(packetId, sequence, sentAt))
  }

  writeOff(): void {
    this.#writtenOff = this.account.sent
  }

  end(): void {
    this.#publisher.end()
    this.#subscriber.end()
  }

  #receive(header: number, bytes: Buffer, start: number): void {
    const incoming = this.#incoming
    readPublish(header, bytes, start, incoming)
    if (incoming.packetId !== 0) this.#subscriber.write(pubackFrame(incoming.packetId))
    this.account.receive(incoming.sequence)
    const { watch } = this
    if (watch !== null && incoming.sentAt >= watch.since)
      watch.oneWay.add(performance.now() - incoming.sentAt)
    this.onProgress(this)
  }

  #acknowledge(packetId: number): void {
    this.account.acknowledged++
    const sentAt = this.#ackSentAt[packetId % ACK_RING] ?? 0
    const { watch } = this
    if (watch !== null && sentAt >= watch.since) watch.acknowledgement.add(performance.now() - sentAt)
    this.onProgress(this)
  }
}
