// A client that says whatever CONNECT a test wants, over the raw client, and what it saw on the wire.
import type { Packet } from 'mqtt-packet'
import { Raw } from '../e2e/raw.ts'
import type { System } from '../e2e/system.ts'
import { tags as tagsOf } from './place.ts'

export type Level = 4 | 5
export const LEVELS = [
  { level: 5, version: '5.0' },
  { level: 4, version: '3.1.1' },
] as const

/** The tags for statements of one version: `'3.1.0-1 3.1.0-2'`. */
export function tags(level: Level, five: string, older: string): string {
  return tagsOf(level, level === 5 ? five : older)
}

type Connect = Extract<Packet, { cmd: 'connect' }>
export type Fields = Partial<Omit<Connect, 'cmd'>> & { readonly level?: Level }

export async function connectPacket(system: System, id: string, fields: Fields = {}): Promise<Connect> {
  const { level = 5, ...rest } = fields
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: level,
    clientId: id,
    clean: true,
    keepalive: 0,
    username: 'x',
    password: Buffer.from(await system.token(id)),
    ...rest,
  }
}

/** Says CONNECT at the client's own path, and returns when CONNACK is there, whatever it says. */
export async function connected(system: System, id: string, fields: Fields = {}): Promise<Raw> {
  const raw = await Raw.open(system, 'eu', `/${id}`, fields.level ?? 5)
  raw.send(await connectPacket(system, id, fields))
  await raw.gets('connack')
  return raw
}

/** What comes from the server, byte for byte; to be called before anything is sent. */
export function listen(raw: Raw): Buffer[] {
  const frames: Buffer[] = []
  raw.socket.on('message', (frame: Buffer) => frames.push(frame))
  return frames
}

export async function subscribed(raw: Raw, topic: string, options: object = {}): Promise<number[]> {
  const before = raw.of('suback').length
  raw.send({ cmd: 'subscribe', messageId: 99 + before, subscriptions: [{ topic, qos: 1, ...options }] })
  const suback = await raw.gets('suback', before + 1)
  return (suback as unknown as { granted: number[] }).granted
}

/** Publishes at QoS 1 and waits for the answer. */
export async function published(
  raw: Raw,
  topic: string,
  payload: string,
  more: Partial<Extract<Packet, { cmd: 'publish' }>> = {},
): Promise<void> {
  const before = raw.of('puback').length
  raw.send({
    cmd: 'publish',
    topic,
    payload,
    qos: 1,
    messageId: 1000 + before,
    dup: false,
    retain: false,
    ...more,
  })
  await raw.gets('puback', before + 1)
}

/** DISCONNECT, and the server's close. */
export async function leave(raw: Raw, reasonCode = 0, properties: object = {}): Promise<void> {
  raw.send({ cmd: 'disconnect', reasonCode, properties })
  await raw.closed()
}
