// A client that keeps to MQTT whatever happens: a persistent session, what is not acknowledged is sent again after a
// reconnect, in order, with DUP and its Packet Identifier. It may move between regions with its old connection open.
import type { Packet } from 'mqtt-packet'
import { type AnyPacket, Connection } from './connection.ts'

const RECONNECT_MS = 250
const SUBSCRIBE_WAIT_MS = 12_000

export interface Where {
  mqttUrl(region: string, client: string): string
  token(client: string): Promise<string>
}

export interface ClientEvents {
  /** QoS 1: each PUBLISH. QoS 2: each message, by the receiver's half of the exchange. */
  readonly arrived: (client: ChaosClient, payload: Buffer, qos: number, on: string) => void
  /** CONNECT, SUBSCRIBE or a DISCONNECT from the server with a reason of 0x80 or more. */
  readonly refused: (what: 'CONNECT' | 'SUBSCRIBE' | 'DISCONNECT', code: number) => void
  /** CONNACK without the session that must be there. */
  readonly sessionLost: (client: ChaosClient) => void
  /** For the time line of a violation. */
  readonly noted: (client: ChaosClient, what: string) => void
}

export interface ClientOptions {
  readonly version: 4 | 5
  readonly region: string
  /** Waits before PUBACK, so that the server stores what it waits for. */
  readonly ackAfterMs?: number
}

interface Open {
  readonly packet: Packet
  readonly qos: 1 | 2
  /** PUBREC has come: PUBREL is what is sent again. */
  received: boolean
  code: number
  readonly answered: (code: number) => void
}

export class ChaosClient {
  readonly id: string
  readonly options: ClientOptions
  region: string
  /** The newest; older ones may still be open. */
  current: Connection | null = null
  readonly connections: Connection[] = []
  readonly #where: Where
  readonly #events: ClientEvents
  readonly #open = new Map<number, Open>()
  readonly #granted = new Map<number, (codes: readonly number[]) => void>()
  /** Packet Identifiers of QoS 2 messages that came and are not released. */
  readonly #received = new Set<number>()
  #password = ''
  #lastId = 0
  #known = false
  #stopped = false

  constructor(where: Where, id: string, options: ClientOptions, events: ClientEvents) {
    this.#where = where
    this.id = id
    this.options = options
    this.region = options.region
    this.#events = events
  }

  async start(): Promise<void> {
    this.#password = await this.#where.token(this.id)
    this.#connect()
  }

  get connected(): boolean {
    return this.current?.connected === true
  }

  /** Messages that are published and not answered. */
  get open(): number {
    return this.#open.size
  }

  /** `answered` gets the code of PUBACK or, at QoS 2, of PUBREC, once the exchange is complete. */
  publish(topic: string, payload: Buffer, qos: 1 | 2, answered: (code: number) => void): void {
    const messageId = this.#nextId()
    const packet = { cmd: 'publish', topic, payload, qos, messageId, retain: false, dup: false } as const
    this.#open.set(messageId, { packet, qos, received: false, code: 0, answered })
    if (this.connected) this.current?.send(packet)
  }

  /** Tries until it is granted; when SUBACK came. */
  async subscribe(filter: string, qos: 1 | 2): Promise<number> {
    while (!this.#stopped) {
      const code = await this.#subscribeOnce(filter, qos)
      if (code !== null && code < 0x80) return Date.now()
      if (code !== null) this.#events.refused('SUBSCRIBE', code)
      await pause(RECONNECT_MS)
    }
    return Number.POSITIVE_INFINITY
  }

  /** Connects elsewhere: after DISCONNECT, or as one whose old connection nobody has told. */
  move(region: string, politely: boolean): void {
    const old = this.current
    this.#events.noted(
      this,
      `moves ${politely ? 'politely ' : ''}from ${old?.name ?? 'nowhere'} to ${region}`,
    )
    this.current = null
    this.region = region
    if (politely) old?.leave()
    this.#connect()
  }

  stop(): void {
    this.#stopped = true
    for (const connection of this.connections) connection.drop()
  }

  #connect(): void {
    if (this.#stopped) return
    const { id, region } = this
    const connection = new Connection(
      {
        url: this.#where.mqttUrl(region, id),
        id,
        password: this.#password,
        version: this.options.version,
        region,
      },
      {
        packet: (from, packet) => this.#packet(from, packet),
        closed: (from, code) => {
          this.#events.noted(this, `${from.name} is closed, ${code}`)
          this.connections.splice(this.connections.indexOf(from), 1)
          if (this.current !== from) return
          this.current = null
          setTimeout(() => {
            if (this.current === null) this.#connect()
          }, RECONNECT_MS)
        },
      },
    )
    this.current = connection
    this.connections.push(connection)
  }

  #packet(from: Connection, packet: AnyPacket): void {
    const messageId = packet.messageId ?? 0
    const code = packet.reasonCode ?? 0
    switch (packet.cmd) {
      case 'connack':
        this.#connack(from, packet)
        break
      case 'publish':
        this.#arrival(from, packet)
        break
      case 'pubrel':
        this.#received.delete(messageId)
        from.send({ cmd: 'pubcomp', messageId })
        break
      case 'puback':
        this.#answer(messageId, code)
        break
      case 'pubrec':
        this.#pubrec(from, messageId, code)
        break
      case 'pubcomp':
        this.#answer(messageId, this.#open.get(messageId)?.code ?? 0)
        break
      case 'suback':
        this.#granted.get(messageId)?.(packet.granted ?? [])
        this.#granted.delete(messageId)
        break
      case 'disconnect':
        this.#events.refused('DISCONNECT', code)
        break
      default:
    }
  }

  #pubrec(from: Connection, messageId: number, code: number): void {
    if (code >= 0x80) {
      this.#answer(messageId, code)
      return
    }
    const open = this.#open.get(messageId)
    if (open !== undefined) {
      open.code = code
      open.received = true
    }
    from.send({ cmd: 'pubrel', messageId })
  }

  #connack(from: Connection, packet: AnyPacket): void {
    const code = packet.reasonCode ?? packet.returnCode ?? 0
    this.#events.noted(this, `${from.name} CONNACK ${code}`)
    if (code > 0) {
      this.#events.refused('CONNECT', code)
      return
    }
    if (from !== this.current) return
    if (packet.sessionPresent !== true) {
      this.#received.clear()
      if (this.#known) this.#events.sessionLost(this)
    }
    this.#known = true
    for (const [messageId, { packet: publish, received }] of this.#open) {
      from.send(received ? { cmd: 'pubrel', messageId } : ({ ...publish, dup: true } as Packet))
    }
  }

  #arrival(from: Connection, packet: AnyPacket): void {
    const payload = packet.payload ?? Buffer.alloc(0)
    const messageId = packet.messageId ?? 0
    if (packet.qos === 2) {
      if (!this.#received.has(messageId)) this.#events.arrived(this, payload, 2, from.name)
      this.#received.add(messageId)
      from.send({ cmd: 'pubrec', messageId })
      return
    }
    this.#events.arrived(this, payload, packet.qos ?? 0, from.name)
    if (packet.qos !== 1) return
    if (this.options.ackAfterMs === undefined) from.send({ cmd: 'puback', messageId })
    else setTimeout(() => from.send({ cmd: 'puback', messageId }), this.options.ackAfterMs)
  }

  #answer(messageId: number, code: number): void {
    const open = this.#open.get(messageId)
    this.#open.delete(messageId)
    open?.answered(code)
  }

  /** Null where the connection ended or no answer came. */
  #subscribeOnce(filter: string, qos: 1 | 2): Promise<number | null> {
    const connection = this.current
    if (connection === null || !connection.connected) return Promise.resolve(null)
    const messageId = this.#nextId()
    return new Promise((resolve) => {
      const settle = (code: number | null) => {
        clearTimeout(timer)
        clearInterval(watch)
        this.#granted.delete(messageId)
        resolve(code)
      }
      const timer = setTimeout(() => settle(null), SUBSCRIBE_WAIT_MS)
      const watch = setInterval(() => {
        if (connection.closed) settle(null)
      }, 50)
      this.#granted.set(messageId, (codes) => settle(codes[0] ?? 0x80))
      connection.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos }] })
    })
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 0xffff) + 1
    while (this.#open.has(this.#lastId) || this.#granted.has(this.#lastId))
    return this.#lastId
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}
