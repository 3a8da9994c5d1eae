// The course that every MQTT client takes, step by step: what a step is called, what is done in it, and who cannot.

export type Version = 4 | 5
export const VERSION_NAMES: Readonly<Record<Version, string>> = { 4: '3.1.1', 5: '5.0' }

/**
 * In every step, `a`, `b` and `c` are clients that no other step has: `<run>-<step>-a`. Topics stand below
 * `rooms/<run>-<step>/`, here `R/`. A step ends all of its connections, whatever comes of it. Sessions end with the
 * connection, and QoS is 1, where nothing else is said. A client that gets less than the QoS it asks for in SUBACK has
 * failed the step.
 */
export const COURSE = {
  /** `a` connects in eu on `/mqtt/<its id>`, and its CONNACK says that there was no session. */
  'connect-named': 'it connects on the path that names it, with its token as the password',
  /** The same on `/mqtt`. Then it subscribes to `R/x` and gets a message that it sends there. */
  'connect-plain': 'it connects on the path without a client id, and messages come and go',
  /** `a` subscribes to `R/x` in eu with this QoS, `b` publishes `m0`, `m1`, `m2` there in eu; `a` gets these, each at this QoS. */
  qos0: 'messages of QoS 0 arrive',
  qos1: 'messages of QoS 1 arrive, in order, and are acknowledged',
  qos2: 'messages of QoS 2 arrive once, in order, and are acknowledged',
  /**
   * `a` comes with a session of an hour (3.1.1: Clean Session 0), subscribes to `devices/<its id>/cmd/#` and leaves with
   * DISCONNECT. `b` publishes `m0` to `m9` to `devices/<a>/cmd/x`. `a` comes back: its CONNACK says that there is a
   * session, and it gets the ten in order. Then `b` publishes `end`, and `a` gets that and nothing else.
   */
  session: 'a session outlives its connection: what was sent meanwhile arrives on return, in order, once',
  /** `a` comes with the will `gone` for `R/will`, QoS 1; `b` subscribes to that; `a`'s socket is closed without DISCONNECT. */
  will: 'the will arrives when the connection ends without a farewell',
  /** `a` publishes `kept` to `R/x`, retained. Then `b` comes, subscribes to `R/#`, and gets it, marked as retained. */
  retained: 'a retained message is there for a later subscriber',
  /** As before, then `a` publishes an empty retained message. `b` subscribes to `R/#`, `a` publishes `end` to `R/end`: the only message `b` gets. */
  'retained-clear': 'an empty retained message clears what was retained',
  /** `a` subscribes to `R/#`; `b` publishes `0` to `R` itself, `1` to `R/k/x`, `2` to `rooms/<run>-other/x`, `end` to `R/z`. All but `2` come. */
  'filter-hash': 'a filter with # below a root gets what it matches, and nothing else',
  /** `a` subscribes to `R/+/x`; `b` publishes `0` to `R/1/x`, `1` to `R/1/y`, `2` to `R/1/2/x`, `end` to `R/2/x`. `0` and `end` come. */
  'filter-plus': 'a filter with + below a root gets what it matches, and nothing else',
  /** `a` subscribes to `rooms/+/wide-<run>`; `b` publishes `0` and `1` to `R-0/wide-<run>` and `R-1/…`; both come, in any order. */
  'filter-wide': 'a wide filter gets messages of several roots',
  /**
   * `a` and `b` subscribe to `$share/g/R/jobs` and to `R/end`, both in eu. `c` publishes `j0` to `j19` to `R/jobs`, and
   * when all are acknowledged `end` to `R/end`. When both have that, and the twenty jobs are there, each was there once.
   */
  shared: 'two members of a shared subscription get each message once between them',
  /** The same with `b` in us. */
  'shared-regions': 'two members of a shared subscription in two regions get each message once between them',
  /**
   * `a` subscribes to `R/answers`, `b` to `R/ask`. `a` publishes to `R/ask` with Response Topic `R/answers`, Correlation
   * Data 00 01 fe ff, and the user properties (k, 1), (k, 2), (ü, ✓). `b` publishes `pong` to the Response Topic of what
   * came with its Correlation Data and user properties. `a` gets just these.
   */
  echo: 'a request is answered, with its correlation data and user properties',
  /** `a` in eu and `b` in us subscribe to `R/<own letter>`, and each sends the other 1,000,000 bytes: byte i is (7 i + ⌊i / 256⌋) mod 256. */
  large: 'a payload of 1,000,000 bytes goes both ways, byte for byte',
  /** `a` connects, and once more. The first connection is closed (MQTT 5: DISCONNECT with 0x8E). The second subscribes to `R/x` and gets what it sends there. */
  takeover: 'a second connection of the same client id closes the first, and serves',
  /** `a` subscribes to `R/x` in us, `b` publishes `m0` to `m9` there in eu; `a` gets these in order. */
  regions: 'a publisher in eu reaches a subscriber in us, in order',
} as const

export type Step = keyof typeof COURSE
export const STEPS = Object.keys(COURSE) as readonly Step[]
export const MEMBERS = ['a', 'b', 'c'] as const

type Reasons = Partial<Record<Step, string>>

const NOT_IN_311: Reasons = {
  shared: 'shared subscriptions came with MQTT 5',
  'shared-regions': 'shared subscriptions came with MQTT 5',
  echo: 'properties came with MQTT 5',
}

/** Steps that a client cannot take, each with the reason; whatever is not here, it must take. */
export const CANNOT: Readonly<Record<string, Partial<Record<Version, Reasons>>>> = {
  'mqtt.js': { 4: NOT_IN_311 },
  'paho-mqtt': { 4: NOT_IN_311 },
  'paho.golang': {},
  rumqttc: { 4: NOT_IN_311 },
  'HiveMQ MQTT Client': { 4: NOT_IN_311 },
}

/** What a client's program reads from its standard input. */
export interface Scene {
  readonly version: Version
  readonly run: string
  /** By region; with the path `/mqtt`. */
  readonly urls: Readonly<Record<'eu' | 'us', string>>
  /** By client id. */
  readonly tokens: Readonly<Record<string, string>>
  /** In this order. */
  readonly steps: readonly Step[]
}

/** What it writes to its standard output, a line for each step. It ends with 0 only if all are ok. */
export interface Outcome {
  readonly step: string
  readonly ok: boolean
  readonly detail: string
}
