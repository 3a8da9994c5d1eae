// A client without manners: bytes over a WebSocket, mqtt-packet to read and write them, nothing done by itself.
import mqttPacket, {
  type IConnectPacket,
  type IPublishPacket,
  type ISubscription,
  type Packet,
  type QoS,
} from 'mqtt-packet'
import { WebSocket } from 'ws'
import { type System, until } from './system.ts'

type AnyPacket = Packet & { cmd: string; reasonCode?: number; returnCode?: number; payload?: unknown }
export type Published = IPublishPacket & { readonly messageId: number }

interface ConnectOptions {
  readonly version?: 4 | 5
  readonly clean?: boolean
  /** Session Expiry Interval, seconds. */
  readonly expiry?: number
  readonly keepalive?: number
  /** Further properties of CONNECT. */
  readonly properties?: NonNullable<IConnectPacket['properties']>
  readonly will?: NonNullable<IConnectPacket['will']>
}

interface PublishOptions {
  readonly qos?: QoS
  readonly retain?: boolean
  readonly dup?: boolean
  /** Its Packet Identifier; else the next one. */
  readonly id?: number
  readonly properties?: NonNullable<IPublishPacket['properties']>
}

export class Raw {
  readonly socket: WebSocket
  readonly packets: AnyPacket[] = []
  /** What the server sent, as it came. */
  readonly received: Buffer[] = []
  readonly unreadable: Error[] = []
  frames = 0
  closeCode: number | null = null
  readonly version: 4 | 5
  private lastId = 0

  private constructor(socket: WebSocket, version: 4 | 5) {
    this.socket = socket
    this.version = version
    const parser = mqttPacket.parser({ protocolVersion: version })
    parser.on('packet', (packet) => this.packets.push(packet as AnyPacket))
    parser.on('error', (error: Error) => this.unreadable.push(error))
    socket.binaryType = 'nodebuffer'
    socket.on('message', (chunk: Buffer) => {
      this.frames++
      this.received.push(chunk)
      parser.parse(chunk)
    })
    socket.on('close', (code) => {
      this.closeCode = code
    })
    socket.on('error', () => undefined)
  }

  static async open(system: System, region: string, path: string, version: 4 | 5 = 5): Promise<Raw> {
    const url = `${await system.mqttUrl(region)}${path}`
    const socket = new WebSocket(url, ['mqtt'])
    const raw = new Raw(socket, version)
    await until(() => socket.readyState === WebSocket.OPEN)
    return raw
  }

  /** Opens and connects; CONNACK is the first packet. */
  static async connect(
    system: System,
    region: string,
    id: string,
    { version = 5, clean = true, expiry = 0, keepalive = 0, properties, will }: ConnectOptions = {},
  ): Promise<Raw> {
    const raw = await Raw.open(system, region, `/${id}`, version)
    raw.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId: id,
      clean,
      keepalive,
      username: 'x',
      password: Buffer.from(await system.token(id)),
      ...(version === 5 && { properties: { sessionExpiryInterval: expiry, ...properties } }),
      ...(will !== undefined && { will }),
    })
    await raw.gets('connack')
    return raw
  }

  bytes(packet: Packet): Buffer {
    return mqttPacket.generate(packet, { protocolVersion: this.version })
  }

  send(packet: Packet): void {
    this.socket.send(this.bytes(packet))
  }

  sendBytes(bytes: Uint8Array | string): void {
    this.socket.send(bytes)
  }

  of(cmd: string): AnyPacket[] {
    return this.packets.filter((packet) => packet.cmd === cmd)
  }

  /** Rejects at once when the connection ends without it. */
  async gets(cmd: string, count = 1, ms = 20_000): Promise<AnyPacket> {
    await this.sees(() => this.of(cmd).length >= count, `${count} ${cmd}`, ms)
    return this.of(cmd)[count - 1] as AnyPacket
  }

  /** Waits for what further packets bring about. */
  async sees(condition: () => boolean, what: string, ms = 20_000): Promise<void> {
    await until(() => condition() || this.closeCode !== null, ms).catch(() => undefined)
    if (condition()) return
    const seen = this.packets.map(({ cmd, reasonCode = 0 }) => `${cmd} ${reasonCode}`).join(', ')
    throw new Error(`no ${what}, close code ${this.closeCode}, after ${seen.slice(-300)}`)
  }

  get messages(): Published[] {
    return this.of('publish') as Published[]
  }

  get texts(): string[] {
    return this.messages.map(({ payload }) => String(payload))
  }

  /** Waits until this many messages have come, and returns them all. */
  async has(count: number, ms = 20_000): Promise<Published[]> {
    await this.gets('publish', count, ms)
    return this.messages
  }

  nextId(): number {
    return ++this.lastId
  }

  /** SUBSCRIBE to one filter or to many; the codes of SUBACK. */
  async subscribe(
    what: string | readonly ISubscription[],
    options: Partial<ISubscription> = {},
    identifier = 0,
  ): Promise<number[]> {
    const subscriptions =
      typeof what === 'string' ? [{ topic: what, qos: 1 as const, ...options }] : [...what]
    const messageId = this.nextId()
    const properties = { subscriptionIdentifier: identifier }
    this.send({ cmd: 'subscribe', messageId, subscriptions, ...(identifier > 0 && { properties }) })
    return this.granted('suback', messageId)
  }

  /** The codes of UNSUBACK; 3.1.1 has none. */
  async unsubscribe(...unsubscriptions: string[]): Promise<number[]> {
    const messageId = this.nextId()
    this.send({ cmd: 'unsubscribe', messageId, unsubscriptions })
    return this.granted('unsuback', messageId)
  }

  /** Sends PUBLISH and waits for nothing; its Packet Identifier. */
  publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): number {
    const { qos = 1, retain = false, dup = false, properties } = options
    const messageId = options.id ?? (qos > 0 ? this.nextId() : 0)
    const packet = { cmd: 'publish', topic, payload, qos, retain, dup } as const
    this.send({ ...packet, ...(qos > 0 && { messageId }), ...(properties && { properties }) })
    return messageId
  }

  /** Publishes, at QoS 2 with all of its exchange; the reason code of the first answer, 0 in 3.1.1. */
  async published(topic: string, payload: string | Buffer, options: PublishOptions = {}): Promise<number> {
    const cmd = options.qos === 2 ? 'pubrec' : 'puback'
    const before = this.of(cmd).length
    const messageId = this.publish(topic, payload, options)
    if (options.qos === 0) return 0
    const { reasonCode = 0 } = await this.answerTo(messageId, cmd, before)
    if (cmd === 'puback' || reasonCode >= 0x80) return reasonCode
    const complete = this.of('pubcomp').length
    this.answer('pubrel', messageId)
    await this.answerTo(messageId, 'pubcomp', complete)
    return reasonCode
  }

  /** PUBACK, PUBREC, PUBREL or PUBCOMP. */
  answer(cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number, reasonCode = 0): void {
    this.send({ cmd, messageId, ...(reasonCode > 0 && { reasonCode }) })
  }

  /** PINGREQ and PINGRESP: what was sent before was read. */
  async ping(): Promise<void> {
    const before = this.of('pingresp').length
    this.send({ cmd: 'pingreq' })
    await this.gets('pingresp', before + 1)
  }

  /** DISCONNECT, and the server has closed. */
  async leave(): Promise<void> {
    this.send({ cmd: 'disconnect', reasonCode: 0 })
    await this.closed()
  }

  private async answerTo(messageId: number, cmd: string, skip = 0): Promise<AnyPacket> {
    const find = () =>
      this.of(cmd)
        .slice(skip)
        .find((packet) => packet.messageId === messageId)
    await this.sees(() => find() !== undefined, `${cmd} to ${messageId}`)
    return find() as AnyPacket
  }

  private async granted(cmd: 'suback' | 'unsuback', messageId: number): Promise<number[]> {
    const answer = (await this.answerTo(messageId, cmd)) as AnyPacket & { granted?: number[] }
    return answer.granted ?? []
  }

  async closed(ms = 15_000): Promise<number> {
    await until(() => this.closeCode !== null, ms)
    return this.closeCode as number
  }

  /** The link breaks. */
  drop(): void {
    this.socket.terminate()
  }
}
