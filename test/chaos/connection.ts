// One WebSocket with MQTT on it: packets out and in, and proof of for how long the server served it.
import mqttPacket, { type Packet } from 'mqtt-packet'
import { WebSocket } from 'ws'

export type AnyPacket = Packet & {
  cmd: string
  messageId?: number
  reasonCode?: number
  returnCode?: number
  granted?: number[]
  sessionPresent?: boolean
  topic?: string
  payload?: Buffer
  qos?: number
}

export interface ConnectionEvents {
  readonly packet: (connection: Connection, packet: AnyPacket) => void
  readonly closed: (connection: Connection, code: number) => void
}

export interface Login {
  readonly url: string
  readonly id: string
  readonly password: string
  readonly version: 4 | 5
  readonly region: string
}

const SESSION_EXPIRY_S = 24 * 3600
const PING_EVERY_MS = 2_000
/** Without a word from the server for this long, the client takes it for gone. */
const SILENCE_MS_MAX = 12_000

let count = 0

export class Connection {
  /** Region and number, for a time line. */
  readonly name: string
  readonly region: string
  readonly version: 4 | 5
  readonly openedAt = Date.now()
  /** When CONNACK came, ms since the epoch; 0 before. */
  connectedAt = 0
  /** The server answered what was sent then: until then it served this connection. */
  servedUntil = 0
  closed = false
  readonly #socket: WebSocket
  readonly #pings: number[] = []
  readonly #timer: NodeJS.Timeout
  #heardAt = Date.now()

  constructor(login: Login, events: ConnectionEvents, pingEveryMs = PING_EVERY_MS) {
    this.region = login.region
    this.name = `${login.region}#${++count}`
    this.version = login.version
    const parser = mqttPacket.parser({ protocolVersion: login.version })
    this.#socket = new WebSocket(login.url, ['mqtt'], {
      perMessageDeflate: false,
      handshakeTimeout: SILENCE_MS_MAX,
    })
    this.#socket.binaryType = 'nodebuffer'
    parser.on('packet', (packet) => this.#received(packet as AnyPacket, events))
    parser.on('error', () => this.drop())
    this.#socket.on('open', () =>
      this.send({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: login.version,
        clientId: login.id,
        clean: false,
        keepalive: 0,
        username: 'chaos',
        password: Buffer.from(login.password),
        ...(login.version === 5 && { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } }),
      }),
    )
    this.#socket.on('message', (chunk: Buffer) => {
      this.#heardAt = Date.now()
      parser.parse(chunk)
    })
    this.#socket.on('error', () => undefined)
    this.#socket.once('close', (code) => {
      this.closed = true
      clearInterval(this.#timer)
      events.closed(this, code)
    })
    this.#timer = setInterval(() => {
      if (Date.now() - this.#heardAt > SILENCE_MS_MAX) this.drop()
      else if (this.connectedAt > 0) this.ping()
    }, pingEveryMs)
  }

  get connected(): boolean {
    return this.connectedAt > 0 && !this.closed
  }

  send(packet: Packet): void {
    if (this.#socket.readyState === WebSocket.OPEN)
      this.#socket.send(mqttPacket.generate(packet, { protocolVersion: this.version }))
  }

  ping(): void {
    this.#pings.push(Date.now())
    this.send({ cmd: 'pingreq' })
  }

  /** DISCONNECT, and the connection is closed. */
  leave(): void {
    this.send({ cmd: 'disconnect', reasonCode: 0 })
    this.#socket.close()
    setTimeout(() => this.drop(), 1_000).unref()
  }

  /** The link breaks, without a word. */
  drop(): void {
    this.#socket.terminate()
  }

  #received(packet: AnyPacket, events: ConnectionEvents): void {
    if (packet.cmd === 'connack' && (packet.reasonCode ?? packet.returnCode ?? 0) === 0) {
      this.connectedAt = Date.now()
      this.servedUntil = this.connectedAt
    }
    if (packet.cmd === 'pingresp') this.servedUntil = this.#pings.shift() ?? this.servedUntil
    events.packet(this, packet)
  }
}
