// What MQTT leaves to the server, and two servers therefore do differently: each with its clause and a predicate that
// says where it holds. Anything else that differs is a bug of one of the two.
import { matches } from '../../src/mqtt/topic.ts'
import type { Message, Observation, StepObservation } from './observe.ts'
import { same, TAKEN_OVER } from './observe.ts'
import { type Malformed, type Script, SHARED_TOPIC, type Step } from './script.ts'

export interface Context {
  readonly script: Script
  readonly at: number
  readonly step: Step
}

export interface Difference {
  readonly name: string
  /** MQTT leaves it open, or mosquitto 2.0.11 does not do what the clause asks for. */
  readonly by: 'choice' | 'mosquitto'
  /** Of MQTT 5.0, unless it says otherwise. */
  readonly clause: string
  readonly why: string
  /** Takes out of a step's observation what may differ, the same way on both sides. */
  readonly normalise: (seen: StepObservation, context: Context) => StepObservation
}

/**
 * The names of the differences without which the two are not the same; empty if they are the same as they stand, null
 * if they differ in something that is not allowed.
 */
export function explain(
  a: StepObservation,
  b: StepObservation,
  context: Context,
  allowed: readonly Difference[],
): readonly string[] | null {
  const equal = (some: readonly Difference[]) => {
    const normalised = (seen: StepObservation) => some.reduce((x, one) => one.normalise(x, context), seen)
    return same(normalised(a), normalised(b))
  }
  if (equal([])) return []
  if (!equal(allowed)) return null
  let needed = allowed
  for (const one of allowed) {
    const without = needed.filter((other) => other !== one)
    if (equal(without)) needed = without
  }
  return needed.map(({ name }) => name)
}

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'no matching subscribers',
    by: 'choice',
    clause: '3.4.2.1, 3.5.2.1',
    why: 'A server that knows of no subscriber may answer 0x10 instead of 0x00.',
    normalise: each((seen) => ({
      ...seen,
      answers: seen.answers.map((answer) => answer.replace(/^(puback|pubrec) 0x10$/, '$1 0x00')),
    })),
  },
  {
    name: 'limits in CONNACK',
    by: 'choice',
    clause: '3.2.2.3.3, 3.2.2.3.6, 3.2.2.3.8, 3.2.2.3.14',
    why: 'Receive Maximum, Maximum Packet Size, Topic Alias Maximum and Server Keep Alive are the server’s to choose.',
    normalise: each((seen) =>
      without(seen, ['receiveMaximum', 'maximumPacketSize', 'topicAliasMaximum', 'serverKeepAlive']),
    ),
  },
  {
    name: 'bound of the session’s expiry',
    by: 'choice',
    clause: '3.2.2.3.2',
    why: 'A server may keep a session for less time than was asked for, and says so in CONNACK.',
    normalise: each((seen) => without(seen, ['sessionExpiryInterval'])),
  },
  {
    name: 'who of a group gets a message',
    by: 'choice',
    clause: '4.8.2',
    why: 'The server chooses; one that is not connected may be chosen too, and gets it when it is back.',
    normalise: pooled,
  },
  {
    name: 'PUBREL for an identifier that is not known',
    by: 'choice',
    clause: '3.7.2.1',
    why: 'PUBCOMP says 0x92; mosquitto says 0x00.',
    normalise: each((seen, { step }, name) =>
      broken(step, name, 'unknown packet id in PUBREL')
        ? { ...seen, answers: seen.answers.map((answer) => answer.replace(/^pubcomp 0x92$/, 'pubcomp 0x00')) }
        : seen,
    ),
  },
  {
    name: 'topic names that begin with $',
    by: 'choice',
    clause: '4.7.2, 3.3.5 [MQTT-3.3.5-2]',
    why: 'A server should keep clients from using them among themselves; it refuses them with 0x87, which in 3.1.1 only closing can say.',
    normalise: each((seen, { step }, name) => {
      if (step.do !== 'publish' || !step.message.topic.startsWith('$') || name !== `c${step.client}`)
        return seen
      return { ...seen, answers: [], disconnect: null, closed: false }
    }),
  },
  {
    name: 'DISCONNECT after an error',
    by: 'choice',
    clause: '4.13.1, 4.13.2',
    why: 'Before it closes for a malformed packet or a protocol error a server may send DISCONNECT with a reason of its choice.',
    normalise: each((seen, { step }) =>
      step.do === 'malformed' && seen.closed ? { ...seen, disconnect: null } : seen,
    ),
  },
  {
    name: 'overlapping subscriptions',
    by: 'choice',
    clause: '3.3.4',
    why: 'A message that matches several subscriptions of a client comes once, with the highest QoS and all identifiers, or once for each of them.',
    normalise: each((seen, context, name) => {
      const filters = filtersOf(name, context)
      const messages = Object.entries(seen.messages).map(([topic, list]) => {
        const matching = filters.filter((filter) => matches(filter, topic)).length
        if (matching < 2) return [topic, list] as const
        // Of what waited for the client a copy with QoS 0 may be missing, and its identifier with it.
        const waited = context.step.do === 'connect'
        return [topic, merged(list).map((one) => (waited ? { ...one, identifiers: [] } : one))] as const
      })
      return { ...seen, messages: Object.fromEntries(messages) }
    }),
  },
  {
    name: 'invalid filter in SUBSCRIBE',
    by: 'choice',
    clause: '4.7.1 [MQTT-4.7.1-1], 3.9.3',
    why: 'What a server does about a filter that breaks the rules is not said: SUBACK with a failure for it, or the end.',
    normalise: each((seen, { step }, name) =>
      broken(step, name, 'invalid filter') ? { ...seen, answers: [], disconnect: null, closed: true } : seen,
    ),
  },
  {
    name: 'reserved bits',
    by: 'mosquitto',
    clause: '2.1.3 [MQTT-2.1.3-1]',
    why: 'A packet with wrong reserved bits is malformed and ends the connection; mosquitto does not look at PINGREQ’s.',
    normalise: each((seen, { step }, name) =>
      broken(step, name, 'reserved bits in PINGREQ') ? { ...seen, disconnect: null, closed: true } : seen,
    ),
  },
  {
    name: 'DISCONNECT to the one that is taken over',
    by: 'mosquitto',
    clause: '3.1.4 [MQTT-3.1.4-3]',
    why: 'It is told 0x8E and closed; over a WebSocket mosquitto closes before it has written DISCONNECT.',
    normalise: each((seen, _context, name) =>
      name.endsWith(TAKEN_OVER) && seen.closed ? { ...seen, disconnect: null } : seen,
    ),
  },
  {
    name: 'will at another CONNECT',
    by: 'mosquitto',
    clause: '3.1.2.5, 3.1.4 [MQTT-3.1.4-3], 3.1.3.2.2; 3.1.1: [MQTT-3.1.2-8]',
    why: 'A will is published when its connection is closed by a second CONNECT or taken over, and a delayed one when clean start ends its session; mosquitto drops it.',
    normalise: (all, { step }) =>
      step.do === 'connect' || (step.do === 'malformed' && step.what === 'second CONNECT')
        ? withoutWill(all, step.client)
        : all,
  },
  {
    name: 'delayed will of a session that ends with its connection',
    by: 'mosquitto',
    clause: '3.1.2.5, 3.1.3.2.2',
    why: 'The will is due when the delay is over or the session ends, whichever is first; mosquitto waits for the delay.',
    normalise: (all, context) => {
      const { step } = context
      const { client } = step
      const last = context.script.steps
        .slice(0, context.at + 1)
        .findLast((step) => step.do === 'connect' && step.client === client)
      if (last?.do !== 'connect' || (last.will?.delay ?? 0) === 0) return all
      if (last.expiry > 0 && !(step.do === 'disconnect' && step.expiry === 0)) return all
      return withoutWill(all, client)
    },
  },
]

function withoutWill(all: StepObservation, client: number): StepObservation {
  const own = new RegExp(`/will/c${client}$`)
  return Object.fromEntries(
    Object.entries(all).map(([name, seen]) => [
      name,
      {
        ...seen,
        messages: Object.fromEntries(Object.entries(seen.messages).filter(([topic]) => !own.test(topic))),
      },
    ]),
  )
}

/**
 * What came on the groups' topic, whoever of their members it came to: in order of payload, for the step. Where one of
 * them is not connected, or has just come back, it is left out.
 */
function pooled(all: StepObservation, context: Context): StepObservation {
  const members = new Set<string>()
  for (const step of context.script.steps.slice(0, context.at + 1)) {
    if (step.do === 'subscribe' && step.requests.some(({ filter }) => filter.startsWith('$share/')))
      members.add(`c${step.client}`)
  }
  const pool: Message[] = []
  const rest = Object.entries(all).map(([name, seen]) => {
    if (!members.has(name)) return [name, seen] as const
    const { [SHARED_TOPIC]: shared = [], ...messages } = seen.messages
    // Members differ in version and QoS, and have ordinary subscriptions besides: only what came to anybody compares.
    for (const { payload } of shared)
      pool.push({ payload, properties: '', identifiers: [], retain: false, qos: 0 })
    return [name, { ...seen, messages }] as const
  })
  const present = [...members].every((name) => all[name]?.closed === false)
  if (!present || pool.length === 0 || context.step.do !== 'publish') return Object.fromEntries(rest)
  const messages = { [SHARED_TOPIC]: merged(pool) }
  const group: Observation = { answers: [], messages, disconnect: null, closed: false, strange: [] }
  return { ...Object.fromEntries(rest), 'the groups': group }
}

function broken(step: Step, name: string, what: Malformed): boolean {
  return step.do === 'malformed' && step.what === what && name === `c${step.client}`
}

/** Every filter that the client has asked for up to this step. */
function filtersOf(name: string, { script, at }: Context): string[] {
  const filters = new Set<string>()
  for (const step of script.steps.slice(0, at + 1)) {
    if (step.do !== 'subscribe' || `c${step.client}` !== name) continue
    for (const { filter } of step.requests) filters.add(filter)
  }
  return [...filters]
}

/** Copies of a message made one, in the place of the first. */
function merged(list: readonly Message[]): Message[] {
  const found = new Map<string, Message>()
  for (const message of list) {
    const key = `${message.payload} ${message.properties}`
    found.set(key, both(found.get(key) ?? message, message))
  }
  return [...found.values()]
}

function both(a: Message, b: Message): Message {
  return {
    ...a,
    qos: Math.max(a.qos, b.qos),
    retain: a.retain || b.retain,
    identifiers: [...new Set([...a.identifiers, ...b.identifiers])].sort((x, y) => x - y),
  }
}

/** A difference that concerns every client in the same way. */
function each(
  change: (seen: Observation, context: Context, name: string) => Observation,
): Difference['normalise'] {
  return (all, context) =>
    Object.fromEntries(Object.entries(all).map(([name, seen]) => [name, change(seen, context, name)]))
}

function without(seen: Observation, names: readonly string[]): Observation {
  if (seen.connack === undefined) return seen
  const limits = Object.fromEntries(
    Object.entries(seen.connack.limits).filter(([name]) => !names.includes(name)),
  )
  return { ...seen, connack: { ...seen.connack, limits } }
}
