// One connection of a script's client: bytes over a WebSocket; it acknowledges by itself, and keeps all that it got.
import mqttPacket, { type Packet } from 'mqtt-packet'
import { WebSocket } from 'ws'
import type { Version } from './script.ts'

/** As mqtt-packet gives it; which fields are there depends on the packet. */
export interface Received {
  readonly cmd: string
  readonly messageId?: number
  readonly reasonCode?: number
  readonly returnCode?: number
  readonly sessionPresent?: boolean
  readonly granted?: readonly number[]
  readonly topic?: string
  readonly payload?: Buffer
  readonly qos?: number
  readonly retain?: boolean
  readonly dup?: boolean
  readonly properties?: Readonly<Record<string, unknown>>
}

const OPEN_MS = 10_000

export class Connection {
  readonly version: Version
  /** All but PINGRESP, in the order of arrival; `take` empties it. */
  private got: Received[] = []
  /** How many packets came in all, PINGRESP left out. */
  count = 0
  closed = false
  /** It acknowledges nothing any more. */
  stalled = false
  private readonly socket: WebSocket
  private nextId = 1
  private pings: (() => void)[] = []
  /** Packet ids that the server has yet to answer for good, with the command that does it. */
  private readonly open = new Map<number, string>()
  private told = false

  private constructor(socket: WebSocket, version: Version) {
    this.socket = socket
    this.version = version
    const parser = mqttPacket.parser({ protocolVersion: version })
    parser.on('packet', (packet) => this.receive(packet as Received))
    parser.on('error', (error) => {
      this.count++
      this.got.push({ cmd: `unreadable: ${error.message}` })
    })
    socket.on('message', (chunk: Buffer) => parser.parse(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
      this.release()
    })
  }

  static open(url: string, version: Version): Promise<Connection> {
    const socket = new WebSocket(url, ['mqtt'], { handshakeTimeout: OPEN_MS })
    socket.binaryType = 'nodebuffer'
    const connection = new Connection(socket, version)
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(connection))
      socket.once('error', reject)
    })
  }

  /** Nothing more is owed by the server: no answer, and no end after DISCONNECT. */
  get settled(): boolean {
    return this.closed || (this.open.size === 0 && !this.told)
  }

  /** What came since the last call. */
  take(): Received[] {
    const got = this.got
    this.got = []
    return got
  }

  packetId(): number {
    return this.nextId++
  }

  /** @param answer the packet that ends what this one begins, for `settled` */
  send(packet: Packet, answer?: string): void {
    if (answer !== undefined) this.open.set(packet.messageId ?? 0, answer)
    this.sendBytes(mqttPacket.generate(packet, { protocolVersion: this.version }))
  }

  sendBytes(bytes: Uint8Array): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes)
  }

  /** Resolves when the server has read all that was sent before, or is gone. */
  ping(): Promise<void> {
    if (this.closed || this.socket.readyState !== WebSocket.OPEN) return this.end()
    return new Promise((done) => {
      this.pings.push(done)
      this.sendBytes(Uint8Array.of(0xc0, 0))
    })
  }

  /** Closes as a client does after DISCONNECT. */
  close(): void {
    this.socket.close()
  }

  /** The link breaks. */
  drop(): void {
    this.socket.terminate()
  }

  private end(): Promise<void> {
    if (this.closed) return Promise.resolve()
    return new Promise((done) => this.socket.once('close', () => done()))
  }

  private release(): void {
    for (const done of this.pings.splice(0)) done()
  }

  private receive(packet: Received): void {
    if (packet.cmd === 'pingresp') {
      this.pings.shift()?.()
      return
    }
    this.count++
    this.got.push(packet)
    const messageId = packet.messageId ?? 0
    const refused = (packet.reasonCode ?? 0) >= 0x80
    if (this.open.get(messageId) === packet.cmd || (packet.cmd === 'pubrec' && refused))
      this.open.delete(messageId)
    if (packet.cmd === 'disconnect') this.told = true
    if (packet.cmd === 'pubrec' && !refused) this.send({ cmd: 'pubrel', messageId })
    if (this.stalled) return
    if (packet.cmd === 'publish' && packet.qos === 1) this.send({ cmd: 'puback', messageId })
    if (packet.cmd === 'publish' && packet.qos === 2) this.send({ cmd: 'pubrec', messageId })
    if (packet.cmd === 'pubrel') this.send({ cmd: 'pubcomp', messageId })
  }
}
