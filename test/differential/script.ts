// Random scripts of clients: what each does, step by step. A script is a value: it can be printed, cut and run again.
import type { QoS } from 'mqtt-packet'
import { Random } from '../random/random.ts'
import type { Features } from './features.ts'

export type Version = 4 | 5

/** What MQTT 5 adds to a message; left out for a 3.1.1 client. */
export interface MessageProperties {
  readonly payloadFormatIndicator?: boolean
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: string
  readonly messageExpiryInterval?: number
  readonly userProperties?: Readonly<Record<string, string | string[]>>
}

export interface Application {
  readonly topic: string
  readonly payload: string
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: MessageProperties
}

export interface Will extends Application {
  readonly delay: number
}

export interface Request {
  readonly filter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
}

export type Malformed =
  | 'wildcard in a topic name'
  | 'empty topic name'
  | 'packet id 0 in PUBLISH'
  | 'packet id 0 in SUBSCRIBE'
  | 'second CONNECT'
  | 'unknown packet id in PUBACK'
  | 'unknown packet id in PUBREL'
  | 'invalid filter'
  | 'no filter in SUBSCRIBE'
  | 'QoS 3 in SUBSCRIBE'
  | 'QoS 3 in PUBLISH'
  | 'reserved bits in PINGREQ'

export type Step =
  | {
      readonly do: 'connect'
      readonly client: number
      readonly clean: boolean
      readonly expiry: number
      readonly keepalive: number
      readonly will: Will | null
    }
  | {
      readonly do: 'disconnect'
      readonly client: number
      readonly withWill: boolean
      readonly expiry: number | null
    }
  | { readonly do: 'drop'; readonly client: number }
  | {
      readonly do: 'subscribe'
      readonly client: number
      readonly requests: readonly Request[]
      readonly identifier: number
    }
  | { readonly do: 'unsubscribe'; readonly client: number; readonly filters: readonly string[] }
  | { readonly do: 'publish'; readonly client: number; readonly message: Application }
  /** It stops acknowledging what it gets until it connects again. */
  | { readonly do: 'stall'; readonly client: number }
  | { readonly do: 'malformed'; readonly client: number; readonly what: Malformed }

export interface Script {
  readonly seed: number
  readonly clients: readonly Version[]
  readonly steps: readonly Step[]
}

const STEPS = 60
const EXPIRIES = [0, 1000, 1000, 0xffff_ffff] as const
/** A message's expiry; a script takes less than a hundred seconds, so nothing ever expires. */
export const MESSAGE_EXPIRY_SECONDS = 1000

export const SHARED_TOPIC = 'rooms/s/x'
const TOPICS = [
  'rooms/a',
  'rooms/a/x',
  'rooms/a/y',
  'rooms/a/y/z',
  'rooms/b/x',
  'rooms/b//x',
  'solo',
  'solo/',
]
const OWN_TOPICS = ['devices/c0/cmd', 'devices/c1/cmd', 'devices/c1/state/on']
/** One of each root. */
export const ROOT_TOPICS = [
  'rooms/a/x',
  'rooms/b/x',
  'solo',
  'solo/',
  'devices/c0/cmd',
  'devices/c1/cmd',
  SHARED_TOPIC,
]
const DOLLAR_TOPICS = ['$SYS/x', '$own/x']
const NARROW = [
  'rooms/a/#',
  'rooms/a/+',
  'rooms/a/+/z',
  'rooms/b/#',
  'rooms/b/+/x',
  'devices/c1/#',
  'devices/c0/+',
]
const WIDE = ['#', '+/+/x', 'rooms/#', 'rooms/+', '+', '+/#', 'devices/+/cmd', 'rooms/+/+', '+/']
const SHARED = ['$share/g/rooms/s/#', '$share/g/rooms/s/#', '$share/h/rooms/s/x']
/** Where wills go, each client's to its own; who runs a script listens there, to see when a will was published. */
export const WILL_FILTERS = ['rooms/a/will/+', 'rooms/b/will/+']

const MALFORMED: readonly Malformed[] = [
  'wildcard in a topic name',
  'empty topic name',
  'packet id 0 in PUBLISH',
  'packet id 0 in SUBSCRIBE',
  'second CONNECT',
  'unknown packet id in PUBACK',
  'invalid filter',
  'no filter in SUBSCRIBE',
  'QoS 3 in SUBSCRIBE',
  'QoS 3 in PUBLISH',
  'reserved bits in PINGREQ',
]

export function scriptOf(seed: number, features: Features): Script {
  const writer = new Writer(seed, features)
  return { seed, clients: writer.clients, steps: Array.from({ length: STEPS }, (_, i) => writer.step(i)) }
}

class Writer {
  readonly clients: readonly Version[]
  private readonly random: Random
  private readonly features: Features
  /** Connected, as far as the writer can tell. */
  private readonly online = new Set<number>()
  /** Whose session ends with the connection: any other mosquitto ends at a second CONNECT too. */
  private readonly brief = new Set<number>()
  /** The will of the last connection. */
  private readonly wills = new Map<number, Will | null>()
  /** A subscription's options, by client and filter: mosquitto 2.0.11 does not replace them. [MQTT-3.8.4-3] */
  private readonly options = new Map<string, Omit<Request, 'filter' | 'qos' | 'retainHandling'>>()
  /** Filters that were once asked for: more often unsubscribed than others. */
  private readonly asked: string[] = []

  constructor(seed: number, features: Features) {
    this.random = new Random(seed)
    this.features = features
    const count = 3 + this.random.int(4)
    this.clients = Array.from({ length: count }, () => (this.random.chance(0.65) ? 5 : 4))
  }

  step(at: number): Step {
    const offline = this.clients.map((_, i) => i).filter((i) => !this.online.has(i))
    if (this.online.size === 0 || (offline.length > 0 && this.random.chance(0.35)))
      return this.connect(this.random.pick(offline), at)
    const client = this.random.pick([...this.online])
    const kind = this.random.weighted({
      publish: 46,
      subscribe: 26,
      unsubscribe: 6,
      disconnect: 6,
      drop: 5,
      takeover: 3,
      stall: 2,
      malformed: 4,
    })
    switch (kind) {
      case 'publish':
        return { do: 'publish', client, message: this.publish(client, at) }
      case 'subscribe':
        return this.subscribe(client)
      case 'unsubscribe':
        return { do: 'unsubscribe', client, filters: this.some(() => this.filterToEnd()) }
      case 'disconnect': {
        this.online.delete(client)
        const withWill = this.clients[client] === 5 && this.random.chance(0.4)
        const changes = this.clients[client] === 5 && this.random.chance(0.3)
        return { do: 'disconnect', client, withWill, expiry: changes ? this.random.pick([0, 500]) : null }
      }
      case 'drop':
        this.online.delete(client)
        return { do: 'drop', client }
      case 'takeover':
        return this.leavesNothing(client)
          ? this.connect(client, at)
          : { do: 'publish', client, message: this.publish(client, at) }
      case 'stall':
        return { do: 'stall', client }
      case 'malformed': {
        const more: Malformed[] = this.features.qos2 ? ['unknown packet id in PUBREL'] : []
        let what = this.random.pick([...MALFORMED, ...more])
        if (what === 'second CONNECT' && !(this.leavesNothing(client) && this.brief.has(client)))
          what = 'packet id 0 in PUBLISH'
        // Whoever was not closed is taken over by the next CONNECT, which is as good.
        if (!what.startsWith('unknown')) this.online.delete(client)
        return { do: 'malformed', client, what }
      }
      default:
        return kind satisfies never
    }
  }

  /** mosquitto drops the will of who connects again while connected: nothing of it may be kept anywhere. */
  private leavesNothing(client: number): boolean {
    const will = this.wills.get(client) ?? null
    return will === null || (will.qos === 0 && !will.retain)
  }

  private connect(client: number, at: number): Step {
    this.online.add(client)
    const expiry = this.clients[client] === 5 ? this.random.pick(EXPIRIES) : 0
    const will = this.random.chance(0.4) ? this.will(client, at) : null
    this.wills.set(client, will)
    const clean = this.random.chance(0.35)
    if (expiry === 0 && (clean || this.clients[client] === 5)) this.brief.add(client)
    else this.brief.delete(client)
    return {
      do: 'connect',
      client,
      clean,
      expiry,
      keepalive: this.random.pick([0, 0, 300]),
      will,
    }
  }

  private will(client: number, at: number): Will {
    const room = this.random.pick(['a', 'b'])
    // A delay is either cut short by the session's end or longer than any script.
    const delay = this.clients[client] === 5 && this.random.chance(0.25) ? 500 : 0
    return {
      ...this.application(client, `will ${at}`),
      topic: `rooms/${room}/will/c${client}`,
      delay,
      // mosquitto does not publish it if clean start ends the session: nothing of it may be kept.
      ...(delay > 0 && { qos: 0, retain: false }),
    }
  }

  private publish(client: number, at: number): Application {
    const message = this.application(client, `m${at}`)
    if (this.features.shared && this.random.chance(0.15))
      return { ...message, topic: SHARED_TOPIC, qos: 1, retain: false, payload: `m${at}` }
    if (this.random.chance(0.04)) return { ...message, topic: this.random.pick(DOLLAR_TOPICS) }
    return message
  }

  private application(client: number, payload: string): Application {
    const retain = this.random.chance(0.3)
    return {
      topic: this.random.pick([...TOPICS, ...OWN_TOPICS]),
      payload: this.random.chance(retain ? 0.25 : 0.08) ? '' : payload,
      qos: this.qos(),
      retain,
      properties: this.clients[client] === 5 && this.random.chance(0.5) ? this.properties() : {},
    }
  }

  private properties(): MessageProperties {
    const { random } = this
    return {
      ...(random.chance(0.3) && { payloadFormatIndicator: true }),
      ...(random.chance(0.4) && { contentType: random.pick(['text/plain', 'ü', '']) }),
      ...(random.chance(0.3) && { responseTopic: 'rooms/a/y' }),
      ...(random.chance(0.3) && { correlationData: random.pick(['abc', '\u0000\u0001']) }),
      ...(random.chance(0.4) && { messageExpiryInterval: MESSAGE_EXPIRY_SECONDS }),
      ...(random.chance(0.5) && { userProperties: random.pick([{ a: '1' }, { a: ['2', '1', '2'], b: '' }]) }),
    }
  }

  private subscribe(client: number): Step {
    const requests = this.some((): Request => {
      const filter = this.filter()
      const shared = filter.startsWith('$share/')
      this.asked.push(filter)
      const five = this.clients[client] === 5
      return {
        filter,
        // One QoS in a group: who of it gets a message must not decide how.
        qos: shared ? 1 : this.qos(),
        ...this.optionsOf(client, filter, five && !shared),
        retainHandling: five && !shared ? this.random.pick([0, 0, 0, 1, 2]) : 0,
      }
    })
    const plain = requests.every(({ filter }) => !filter.startsWith('$share/'))
    const identified = this.clients[client] === 5 && plain && this.random.chance(0.5)
    return { do: 'subscribe', client, requests, identifier: identified ? 1 + this.random.int(300) : 0 }
  }

  private optionsOf(client: number, filter: string, any: boolean) {
    const key = `${client} ${filter}`
    const options = this.options.get(key) ?? {
      noLocal: any && this.random.chance(0.25),
      retainAsPublished: any && this.random.chance(0.35),
    }
    this.options.set(key, options)
    return options
  }

  private filter(): string {
    if (this.features.shared && this.random.chance(0.15)) return this.random.pick(SHARED)
    if (this.features.wide && this.random.chance(0.4)) return this.random.pick(WIDE)
    return this.random.chance(0.6) ? this.random.pick(NARROW) : this.random.pick([...TOPICS, ...OWN_TOPICS])
  }

  private filterToEnd(): string {
    return this.asked.length > 0 && this.random.chance(0.8)
      ? this.random.pick(this.asked)
      : this.random.pick(NARROW)
  }

  private qos(): QoS {
    return this.random.int(this.features.qos2 ? 3 : 2) as QoS
  }

  /** Mostly one, now and then two or three, of which no two are the same. */
  private some<T>(one: () => T): T[] {
    const count = this.random.chance(0.75) ? 1 : 2 + this.random.int(2)
    const all = Array.from({ length: count }, one)
    return all.filter((x, i) => all.findIndex((y) => filterOf(y) === filterOf(x)) === i)
  }
}

function filterOf(one: unknown): unknown {
  return typeof one === 'object' && one !== null && 'filter' in one ? one.filter : one
}
