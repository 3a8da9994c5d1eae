// The bounds of an outbox, and how often what waits in it is tried.
import { describe, expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import {
  OUTBOX_BYTES_MAX,
  UPLINK_ALARM_MS,
  UPLINK_CALLS_MAX,
  UPLINK_RECORDS_PER_CALL_MAX,
  UPLINK_RETRY_MS_MAX,
  UPLINK_RETRY_MS_MIN,
} from '../../actors/limits.ts'
import type { Lanes } from '../../actors/uplink/lanes.ts'
import { Link } from '../../actors/uplink/link.ts'
import { Outbox } from '../../actors/uplink/outbox.ts'
import { Uplink } from '../../actors/uplink/uplink.ts'
import type { RegionId, Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
import { fakeCore } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, ROOM, routed, routedTexts, stored, US, watch } from './samples.ts'

const AP = 'ap' as RegionId
const HOME = { kind: 'home' } as const
const to = (region: RegionId) => ({ kind: 'region', region, epoch: 1 }) as const
const refused = (count: number) => new Uint8Array(count).fill(Reason.QuotaExceeded)

/** An uplink in eu and the regions that are away. */
function uplinkWith(outboxMessagesMax: number) {
  const away = new Set<RegionId>([US])
  const arrived: string[] = []
  let platform = new FakePlatform(addressOf('uplink', EU, '0'), {
    settings: { outboxMessagesMax },
    core: fakeCore(EU, {
      envelopes: async ({ envelopes }) => ({
        results: envelopes.map((envelope) => {
          const region = envelope.to.kind === 'home' ? US : envelope.to.region
          if (away.has(region)) return { status: 'unreachable', detail: 'away' }
          const texts = routedTexts(envelope.records)
          arrived.push(...texts)
          return { status: 'done', outcomes: texts.map(() => Reason.Success) }
        }),
      }),
    }),
  })
  let uplink = new Uplink(platform)
  return {
    away,
    arrived,
    get platform() {
      return platform
    },
    get uplink() {
      return uplink
    },
    loseMemory: () => {
      platform = platform.loseMemory()
      uplink = new Uplink(platform)
    },
    /** The outcomes once they are there. */
    send: async (root: string, where: Parameters<Uplink['send']>[1], records: Uint8Array[]) => {
      const sent = watch(
        uplink.send(root as Root, where, where.kind === 'home' ? US : null, packBatch(records)),
      )
      await platform.clock.pass(2_000)
      return sent.value()
    },
  }
}

function messages(count: number, text = 'm', more = {}): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => routed('rooms/1/a', `${text}${i}`, more))
}

describe('what waits in an outbox is bounded', () => {
  test('for one region, and past that its publishers get 0x97', async () => {
    const { send } = uplinkWith(12)
    expect(await send(ROOM, HOME, messages(9))).toEqual(Uint8Array.of(...stored(6), ...refused(3)))
    expect(await send('rooms/2', HOME, messages(1))).toEqual(refused(1))
    // The same region, however it is addressed.
    expect(await send('rooms/3', to(US), messages(1))).toEqual(refused(1))
  })

  test('and a region that is away leaves room for another, and both for a third', async () => {
    const { send, away } = uplinkWith(12)
    await send(ROOM, to(US), messages(20))
    away.add(AP)
    expect(await send('rooms/2', to(AP), messages(20))).toEqual(Uint8Array.of(...stored(3), ...refused(17)))
    away.add('sa' as RegionId)
    expect(await send('rooms/3', to('sa' as RegionId), messages(1))).toEqual(stored(1))
  })

  test('in bytes too', async () => {
    const { send } = uplinkWith(1_000)
    const mebibytes = (count: number) => messages(count, 'x'.repeat(1024 * 1024 - 100))
    const half = OUTBOX_BYTES_MAX / 2 / 1024 / 1024
    expect(await send(ROOM, HOME, mebibytes(half + 1))).toEqual(Uint8Array.of(...stored(half), ...refused(1)))
    expect(await send('rooms/2', to(AP), mebibytes(1))).toEqual(Uint8Array.of(Reason.Success))
  })

  test('also after the process died, and there is room again for each that was delivered', async () => {
    const world = uplinkWith(12)
    await world.send(ROOM, HOME, messages(6))
    world.loseMemory()
    expect(await world.send('rooms/2', to(US), messages(1))).toEqual(refused(1))
    world.away.clear()
    await world.platform.clock.pass(20_000)
    expect(world.arrived).toHaveLength(6)
    world.away.add(US)
    expect(await world.send('rooms/2', to(US), messages(7))).toEqual(
      Uint8Array.of(...stored(6), ...refused(1)),
    )
  })

  test('and what has expired takes no room, wherever in the queue it lies', async () => {
    const world = uplinkWith(2_400)
    const { clock } = world.platform
    await world.send(ROOM, HOME, messages(700))
    await world.send('rooms/2', HOME, messages(500, 'm', { expiresAt: clock.now + 10_000 }))
    expect(await world.send(ROOM, HOME, messages(1))).toEqual(refused(1))
    await clock.pass(10_000 + UPLINK_ALARM_MS)
    world.uplink.alarm()
    expect(await world.send(ROOM, HOME, messages(501))).toEqual(Uint8Array.of(...stored(500), ...refused(1)))
  })
})

describe('an uplink that starts with messages in its outbox', () => {
  const COUNT = 3_000
  const SENT_AT_ONCE = UPLINK_RECORDS_PER_CALL_MAX * UPLINK_CALLS_MAX

  test('reads each when it is sent, and sends all in their order', async () => {
    const world = uplinkWith(10 * COUNT)
    await world.send(ROOM, to(US), messages(COUNT))
    let reads = 0
    const { prototype } = Outbox
    const { record } = prototype
    prototype.record = function (row) {
      reads++
      return record.call(this, row)
    }
    try {
      world.loseMemory()
      expect(reads).toBe(0)
      await world.platform.clock.pass(UPLINK_RETRY_MS_MIN / 2)
      expect(reads).toBeLessThanOrEqual(SENT_AT_ONCE)
      world.away.clear()
      await world.platform.clock.pass(60_000)
      expect(world.arrived).toEqual(Array.from({ length: COUNT }, (_, i) => `m${i}`))
    } finally {
      prototype.record = record
    }
  })

  test('holds no record that its outbox has while the region stays away', async () => {
    const world = uplinkWith(10 * COUNT)
    await world.send(ROOM, to(US), messages(COUNT))
    world.loseMemory()
    await world.platform.clock.pass(20_000)
    const { lanes } = world.uplink as unknown as { readonly lanes: Lanes }
    const held = [...lanes.all].flatMap(({ items }) => items.filter(({ record }) => record !== null))
    expect(held.length).toBeLessThanOrEqual(SENT_AT_ONCE)
  })
})

test('a message that expires in the outbox is not delivered, and the next one is', async () => {
  const world = uplinkWith(1_000)
  const { clock } = world.platform
  const batch = [
    routed('rooms/1/a', 'short', { expiresAt: clock.now + 5_000 }),
    routed('rooms/1/a', 'long', { expiresAt: clock.now + 60_000 }),
    routed('rooms/1/a', 'for ever'),
  ]
  expect(await world.send(ROOM, HOME, batch)).toEqual(stored(3))
  await clock.pass(10_000)
  world.away.clear()
  await clock.pass(20_000)
  expect(world.arrived).toEqual(['long', 'for ever'])
})

test('the time that a message waits in the outbox is counted, whenever it is tried', async () => {
  const left: number[] = []
  let answers = false
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), {
    core: fakeCore(EU, {
      envelopes: async ({ envelopes }) => {
        if (!answers) throw new CoreUnreachable('the link is down')
        for (const { records, clock } of envelopes)
          for (const bytes of unpackBatch(records))
            left.push(decodeMessage(decodeRouted(bytes).record).expiresAt - clock)
        return { results: envelopes.map(() => ({ status: 'done', outcomes: [Reason.Success] })) }
      },
    }),
  })
  const uplink = new Uplink(platform)
  const { clock } = platform
  const expiresAt = clock.now + 60_000
  watch(uplink.send(ROOM, HOME, US, packBatch([routed('rooms/1/a', 'x', { expiresAt })])))
  await clock.pass(20_000)
  answers = true
  const waited = clock.now
  await clock.pass(2 * UPLINK_RETRY_MS_MAX)
  expect(left).toHaveLength(1)
  expect(left[0]).toBeLessThanOrEqual(expiresAt - waited)
  expect(left[0]).toBeGreaterThanOrEqual(expiresAt - clock.now)
})

test('after the process died, what waits for a region that hangs does not hold up what waits for another', async () => {
  const arrived: string[] = []
  let answers = false
  const core = fakeCore(EU, {
    envelopes: async ({ envelopes }) => {
      if (!answers) throw new CoreUnreachable('the link is down')
      if (envelopes.some(({ root }) => root === ROOM)) return new Promise<never>(() => undefined)
      for (const { records } of envelopes) arrived.push(...routedTexts(records))
      return { results: envelopes.map(() => ({ status: 'done', outcomes: [Reason.Success] })) }
    },
  })
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), { core })
  const first = new Uplink(platform)
  watch(first.send(ROOM, HOME, US, packBatch(messages(1, 'us '))))
  watch(first.send('rooms/2' as Root, HOME, AP, packBatch(messages(1, 'ap '))))
  await platform.clock.pass(2_000)
  answers = true
  new Uplink(platform.loseMemory())
  await platform.clock.pass(100)
  expect(arrived).toEqual(['ap 0'])
})

describe('a link that fails', () => {
  test('is tried after pauses that double up to a bound, give or take half', () => {
    for (const random of [0, 0.5, 1]) {
      const link = new Link()
      const pauses = Array.from({ length: 9 }, () => {
        link.failed(1_000, random, 'out of reach')
        return link.waitMs(1_000)
      })
      const factor = 0.5 + random
      expect(pauses).toEqual(
        pauses.map((_, i) => Math.min(UPLINK_RETRY_MS_MIN * 2 ** i, UPLINK_RETRY_MS_MAX) * factor),
      )
      expect(link.down).toBe(true)
      link.answered()
      expect([link.down, link.waitMs(1_000) <= 0]).toEqual([false, true])
    }
  })

  test('makes no other wait', async () => {
    const world = uplinkWith(1_000)
    for (let i = 0; i < 10; i++) await world.send(ROOM, to(US), messages(1, `us ${i} `))
    const sent = watch(world.uplink.send('rooms/2' as Root, to(AP), null, packBatch(messages(1, 'ap '))))
    await world.platform.clock.pass(10)
    expect(sent.value()).toEqual(Uint8Array.of(Reason.Success))
    expect(world.arrived).toEqual(['ap 0'])
  })
})
