// What a client can see of a step, in a form that two brokers can be compared by: what MQTT leaves open
// (packet ids, DUP, the order of different topics, reason strings) is not in it.
import type { Received } from './connection.ts'

export interface Message {
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
  readonly identifiers: readonly number[]
  /** Everything else that came with it, written out. */
  readonly properties: string
}

export interface Observation {
  /** Absent where the step brought no CONNACK. */
  readonly connack?: { readonly code: number; readonly sessionPresent: boolean; readonly limits: Limits }
  /** SUBACK, UNSUBACK, PUBACK, PUBREC, PUBCOMP with their codes, each kind in the order of arrival. */
  readonly answers: readonly string[]
  /** By topic, in the order of arrival. */
  readonly messages: Readonly<Record<string, readonly Message[]>>
  /** The reason of the server's DISCONNECT. */
  readonly disconnect: number | null
  readonly closed: boolean
  /** Packets that have no place here. */
  readonly strange: readonly string[]
}

export type Limits = Readonly<Record<string, unknown>>
/** By the client's name; a connection that is taken over has a place of its own. */
export type StepObservation = Readonly<Record<string, Observation>>

/** Stands behind the name of a client whose connection is the older one. */
export const TAKEN_OVER = ', taken over'

const ANSWERS = ['suback', 'unsuback', 'puback', 'pubrec', 'pubcomp']

export function observe(packets: readonly Received[], closed: boolean): Observation {
  const messages: Record<string, Message[]> = {}
  let connack: Observation['connack']
  let disconnect: number | null = null
  const strange: string[] = []
  for (const packet of packets) {
    if (packet.cmd === 'publish') {
      const topic = packet.topic ?? ''
      messages[topic] = [...(messages[topic] ?? []), messageOf(packet)]
    } else if (packet.cmd === 'connack' && connack === undefined) {
      connack = {
        code: packet.reasonCode ?? packet.returnCode ?? -1,
        sessionPresent: packet.sessionPresent === true,
        limits: packet.properties ?? {},
      }
    } else if (packet.cmd === 'disconnect') {
      disconnect = packet.reasonCode ?? 0
    } else if (!ANSWERS.includes(packet.cmd) && packet.cmd !== 'pubrel') {
      strange.push(packet.cmd)
    }
  }
  const answers = ANSWERS.flatMap((cmd) =>
    packets.filter((packet) => packet.cmd === cmd).map((packet) => `${cmd} ${codesOf(packet)}`),
  )
  const sorted = Object.fromEntries(Object.entries(messages).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...(connack && { connack }), answers, messages: sorted, disconnect, closed, strange }
}

function codesOf(packet: Received): string {
  const codes = packet.granted ?? [packet.reasonCode ?? 0]
  return codes.map((code) => `0x${code.toString(16).padStart(2, '0')}`).join(' ')
}

function messageOf(packet: Received): Message {
  const { subscriptionIdentifier, messageExpiryInterval, ...properties } = packet.properties ?? {}
  return {
    payload: packet.payload?.toString() ?? '',
    qos: packet.qos ?? 0,
    retain: packet.retain === true,
    identifiers: ([] as unknown[])
      .concat(subscriptionIdentifier ?? [])
      .map(Number)
      .sort((a, b) => a - b),
    properties: written({
      ...properties,
      // The time that it waited is taken off. [MQTT-3.3.2-6]
      ...(typeof messageExpiryInterval === 'number' && {
        messageExpiryInterval: Math.ceil(messageExpiryInterval / 100) * 100,
      }),
    }),
  }
}

/** The same text for the same properties, whatever order they came in. */
function written(properties: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([name, value]) => `${name}=${textOf(value)}`).join(' ')
}

function textOf(value: unknown): string {
  return Buffer.isBuffer(value) ? `0x${value.toString('hex')}` : JSON.stringify(value)
}

export function same(a: StepObservation, b: StepObservation): boolean {
  return canonical(a) === canonical(b)
}

function canonical(observation: StepObservation): string {
  return JSON.stringify(observation, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}

/** For a failing test's message: the clients whose observations differ, each on both sides. */
export function shown(name: string, observation: StepObservation, other: StepObservation): string {
  const lines = Object.entries(observation)
    .filter(([client, one]) => canonical({ x: one }) !== canonical({ x: other[client] as Observation }))
    .map(([client, one]) => `    ${client}: ${JSON.stringify(one)}`)
  return [`  ${name}:`, ...lines].join('\n')
}
