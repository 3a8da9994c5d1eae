// The budget of an actor's memory, and what each of its parts does when it is used up.
import { expect, test, vi } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { Gate } from '../../actors/device/admission/gate.ts'
import {
  ACTOR_CLIENT_BYTES_MAX,
  ACTOR_MEMORY_BYTES_MAX,
  ACTOR_MESSAGES_BYTES_MAX,
  ARRIVALS_BYTES_MAX,
} from '../../actors/limits.ts'
import { MemoryBudget, memoryOf } from '../../actors/memory-budget.ts'
import { Uplink } from '../../actors/uplink/uplink.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { FakeClock } from './fake-clock.ts'
import { fakeCore } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, LAMP, ROOM, routed } from './samples.ts'

const HOME = { kind: 'home' } as const
const MIB = 1024 * 1024

test('a client that floods leaves room for messages of others, and they for it', () => {
  const budget = new MemoryBudget(ACTOR_MEMORY_BYTES_MAX)
  expect(budget.client.take(ACTOR_CLIENT_BYTES_MAX)).toBe(true)
  expect(budget.client.take(1)).toBe(false)
  expect(budget.messages.room).toBe(ACTOR_MEMORY_BYTES_MAX - ACTOR_CLIENT_BYTES_MAX)
  budget.client.give(ACTOR_CLIENT_BYTES_MAX)
  expect(budget.messages.take(ACTOR_MESSAGES_BYTES_MAX)).toBe(true)
  expect(budget.client.room).toBe(ACTOR_MEMORY_BYTES_MAX - ACTOR_MESSAGES_BYTES_MAX)
})

/** An uplink whose core does not answer, with memory for three messages or so. */
function uplinkWithLittleMemory(outboxMessagesMax = 100) {
  const clock = new FakeClock()
  const record = routed('rooms/1/a', 'x'.repeat(100))
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), {
    clock,
    settings: { memoryBytesMax: record.length * 3, outboxMessagesMax },
    core: fakeCore(EU, {
      envelopes: async () => {
        await new Promise<void>((over) => void clock.after(500, over))
        throw new CoreUnreachable('the link is down')
      },
    }),
  })
  return { clock, platform, record, uplink: new Uplink(platform) }
}

test('an uplink without memory stores at once, in order, and holds nothing once all is stored', async () => {
  const { clock, platform, record, uplink } = uplinkWithLittleMemory()
  const waiting = uplink.send(ROOM, HOME, null, packBatch([record, record, record]))
  expect(memoryOf(platform).bytes).toBe(record.length * 3)
  const more = uplink.send(ROOM, HOME, null, packBatch([record, record]))
  expect([...(await waiting), ...(await more)]).toEqual(Array(5).fill(Outcome.Stored))
  expect(memoryOf(platform).bytes).toBe(0)
  await clock.pass(2_000)
  expect(memoryOf(platform).bytes).toBe(0)
})

test('an uplink without memory drops QoS 0', async () => {
  const { platform, record, uplink } = uplinkWithLittleMemory()
  void uplink.send(ROOM, HOME, null, packBatch([record, record, record]))
  const light = routed('rooms/1/a', 'x'.repeat(100), { qos: 0 })
  await uplink.send(ROOM, HOME, null, packBatch([light]))
  expect(memoryOf(platform).bytes).toBe(record.length * 3)
})

test('unfinished CONNECTs of whoever has the token share one room: the largest goes', async () => {
  const platform = new FakePlatform(addressOf('device', EU, LAMP), {
    settings: { packetBytesMax: 2 * ARRIVALS_BYTES_MAX },
  })
  const gate = new Gate(platform, LAMP)
  /** A CONNECT of 6 MiB begins. */
  const begun = (bytes: number) => {
    const part = new Uint8Array(bytes)
    part.set([0x10, 0xff, 0xff, 0xff, 0x02])
    return part
  }
  const sockets = Array.from({ length: 5 }, () => {
    const connection = platform.accept()
    gate.opened(connection, true)
    return connection
  })
  for (const [i, socket] of sockets.entries()) await gate.frame(socket, begun(MIB + i))
  await vi.waitFor(() => expect(sockets.filter(({ open }) => open)).toHaveLength(3))
  expect(sockets.at(-1)?.closing).toEqual({ code: 1008, reason: 'too much before CONNACK' })
})
