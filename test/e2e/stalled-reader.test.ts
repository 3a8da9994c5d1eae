// A client that stops reading costs a bounded amount of memory, loses its QoS 0 messages, and after a while its connection: on real
// workerd, whose WebSocket does not say what waits in it.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SOCKET_STALLED_MS_MIN, SOCKET_UNREAD_BYTES_MAX } from '../../actors/limits.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const MIB = 1024 * 1024
const MESSAGE_BYTES = 1_000_000
const MESSAGES = 256
/** Beyond what the socket may hold: garbage, and what the system buffers. */
const SLACK_BYTES = 96 * MIB

let system: System
beforeAll(async () => {
  system = await System.start({ regions: ['eu'], presence: false })
}, SYSTEM_START_MS)
afterAll(() => system?.stop())

async function residentBytes(): Promise<number> {
  const status = readFileSync(`/proc/${await system.pidOf('eu')}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

function link(raw: Raw): { pause(): void; resume(): void } {
  return (raw.socket as unknown as { readonly _socket: { pause(): void; resume(): void } })._socket
}

/** At QoS 0, each after the one before has left this process. */
async function flood(from: Raw, topic: string, messages: number): Promise<void> {
  for (let i = 0; i < messages; i++) {
    from.publish(topic, Buffer.alloc(MESSAGE_BYTES, i), { qos: 0 })
    await until(() => from.socket.bufferedAmount === 0, 30_000)
    if (i % 16 === 15) await from.ping()
  }
  await from.ping()
}

it('256 MB of QoS 0 to a socket that does not read take bounded memory; the rest is dropped, and the connection ends with 0x97', {
  timeout: 180_000,
}, async () => {
  const publisher = await Raw.connect(system, 'eu', 'flood')
  const reader = await Raw.connect(system, 'eu', 'reader')
  expect(await reader.subscribe('rooms/warm/up', { qos: 0 })).toEqual([0])
  await flood(publisher, 'rooms/warm/up', 64)
  await reader.has(64, 30_000)
  reader.drop()

  const stalled = await Raw.connect(system, 'eu', 'stalled')
  expect(await stalled.subscribe('rooms/stalled/x', { qos: 0 })).toEqual([0])
  link(stalled).pause()
  const before = await residentBytes()
  await flood(publisher, 'rooms/stalled/x', MESSAGES)
  const after = await residentBytes()
  expect(after - before).toBeLessThan(SOCKET_UNREAD_BYTES_MAX + SLACK_BYTES)

  await sleep(SOCKET_STALLED_MS_MIN + 5_000)
  expect((await residentBytes()) - before).toBeLessThan(SOCKET_UNREAD_BYTES_MAX + SLACK_BYTES)
  link(stalled).resume()
  await stalled.gets('disconnect', 1, 30_000)
  expect(stalled.of('disconnect')[0]).toMatchObject({ reasonCode: 0x97 })
  expect(stalled.messages.length).toBeGreaterThan(40)
  expect(stalled.messages.length * MESSAGE_BYTES).toBeLessThan(SOCKET_UNREAD_BYTES_MAX + 2 * MESSAGE_BYTES)
  await stalled.closed()
  publisher.drop()
})
