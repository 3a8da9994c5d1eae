// What MQTT leaves to the server, and two servers therefore do differently: each with its clause and a predicate that
// says where it holds. Anything else that differs is a bug of one of the two.
import { matches } from '../../src/mqtt/topic.ts'
import type { Message, Observation, StepObservation } from './observe.ts'
import { same } from './observe.ts'
import type { Script, Step } from './script.ts'

export interface Context {
  readonly script: Script
  readonly at: number
  readonly step: Step
}

export interface Difference {
  readonly name: string
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
    clause: '3.4.2.1, 3.5.2.1',
    why: 'A server that knows of no subscriber may answer 0x10 instead of 0x00.',
    normalise: each((seen) => ({
      ...seen,
      answers: seen.answers.map((answer) => answer.replace(/^(puback|pubrec) 0x10$/, '$1 0x00')),
    })),
  },
  {
    name: 'limits in CONNACK',
    clause: '3.2.2.3.3, 3.2.2.3.6, 3.2.2.3.8, 3.2.2.3.14',
    why: 'Receive Maximum, Maximum Packet Size, Topic Alias Maximum and Server Keep Alive are the server’s to choose.',
    normalise: each((seen) =>
      without(seen, ['receiveMaximum', 'maximumPacketSize', 'topicAliasMaximum', 'serverKeepAlive']),
    ),
  },
  {
    name: 'bound of the session’s expiry',
    clause: '3.2.2.3.2',
    why: 'A server may keep a session for less time than was asked for, and says so in CONNACK.',
    normalise: each((seen) => without(seen, ['sessionExpiryInterval'])),
  },
  {
    name: 'shared subscriptions unavailable',
    clause: '3.2.2.3.13',
    why: 'A server need not support them, and says so in CONNACK.',
    normalise: each((seen) => without(seen, ['sharedSubscriptionAvailable'])),
  },
  {
    name: 'topic names that begin with $',
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
    clause: '4.13.1, 4.13.2',
    why: 'Before it closes for a malformed packet or a protocol error a server may send DISCONNECT with a reason of its choice.',
    normalise: each((seen, { step }) =>
      step.do === 'malformed' && seen.closed ? { ...seen, disconnect: null } : seen,
    ),
  },
  {
    name: 'overlapping subscriptions',
    clause: '3.3.4',
    why: 'A message that matches several subscriptions of a client comes once, with the highest QoS and all identifiers, or once for each of them.',
    normalise: each((seen, context, name) => {
      const filters = filtersOf(name, context)
      const messages = Object.entries(seen.messages).map(([topic, list]) => {
        const matching = filters.filter((filter) => matches(filter, topic)).length
        return [topic, matching > 1 ? merged(list) : list] as const
      })
      return { ...seen, messages: Object.fromEntries(messages) }
    }),
  },
]

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
    const before = found.get(key)
    found.set(key, before === undefined ? message : both(before, message))
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
