// WideActors of two regions: grants and waits, coalesced registrations, failures, lost memory.
import { describe, expect, test } from 'vitest'
import { WIDE_ASK_AGAIN_MS, WIDE_GRANT_MARGIN_MS, WIDE_GRANT_MS } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import type { RetainedPage, WideSubscribeReply } from '../../actors/wide/wide-peer.ts'
import { type ClientId, DEFAULT_FLEET, type Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { WIDE_FILTERS_MAX, type WideCursor } from '../../src/relay/wide.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { APP, addressOf, LAMP, ROOM, record, routed, subscriptionTo, US, watch } from './samples.ts'
import { type Region, WideWorld } from './wide-world.ts'

const WAIT_MS = WIDE_GRANT_MS + WIDE_GRANT_MARGIN_MS

function subscribe({ wide }: Region, client: ClientId, ...filters: string[]) {
  return watch<WideSubscribeReply>(
    wide.subscribe(client, `session of ${client}`, filters.map(subscriptionTo)),
  )
}

async function publish(world: WideWorld, { wide }: Region, text: string, topic = 'rooms/1/a') {
  const reply = watch(wide.publish(ROOM, packBatch([routed(topic, text)])))
  await world.clock.settled()
  return reply.value()
}

const NOBODY = Uint8Array.of(Reason.NoMatchingSubscribers)

describe('a message', () => {
  test('that no filter can match is nobody’s, and its leaf need not ask for a while', async () => {
    const world = await new WideWorld().acquainted()
    expect(await publish(world, world.eu, '1')).toEqual({ outcomes: NOBODY, skipMs: WIDE_GRANT_MS })
  })

  test('that a filter could match but does not is nobody’s, and its leaf must ask again', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, APP, '+/+/b')
    expect(await publish(world, world.eu, '1')).toEqual({ outcomes: NOBODY, skipMs: 0 })
    expect(world.eu.got).toEqual([])
  })

  test('goes to subscribers here and in the other region, one copy for overlapping filters', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, APP, '#', '+/+/a')
    subscribe(world.us, LAMP, 'rooms/#')
    await world.clock.pass(WAIT_MS)
    const reply = watch(
      world.us.wide.publish(ROOM, packBatch([routed('rooms/1/a', '1'), routed('x/y', '2')])),
    )
    await world.clock.pass(100)
    expect(reply.value()).toEqual({ outcomes: Uint8Array.of(0, 0), skipMs: 0 })
    expect(world.us.got).toEqual(['lamp 1'])
    expect(world.eu.got).toEqual(['app 1', 'app 2'])
  })
})

describe('a subscriber', () => {
  test('is answered at once where no grant is out, here or elsewhere', async () => {
    const world = await new WideWorld().acquainted()
    const subscribed = subscribe(world.eu, APP, '#')
    await world.clock.settled()
    expect(subscribed.value()).toEqual({ reasons: [1], fresh: [true] })
  })

  test.each(['eu', 'us'] as const)('waits until a grant that was given in %s has ended', async (where) => {
    const world = await new WideWorld().acquainted()
    await publish(world, world[where], 'passed over')
    const subscribed = subscribe(world.eu, APP, '#')
    await world.clock.settled()
    expect(await publish(world, world[where], 'not passed over')).toMatchObject({ skipMs: 0 })
    await world.clock.pass(WIDE_GRANT_MS)
    expect(subscribed.state()).toBe('open')
    await world.clock.pass(WIDE_GRANT_MARGIN_MS)
    expect(subscribed.value()?.reasons).toEqual([1])
  })

  test('waits as long where the WideActor that gave the grant has lost its memory', async () => {
    const world = await new WideWorld().acquainted()
    await publish(world, world.us, 'passed over')
    world.loseMemory(world.us)
    const subscribed = subscribe(world.eu, APP, '#')
    await world.clock.pass(WIDE_GRANT_MS)
    expect(subscribed.state()).toBe('open')
    await world.clock.pass(WIDE_GRANT_MARGIN_MS)
    expect(subscribed.state()).toBe('resolved')
  })

  test('misses nothing that leaves in both regions accept after SUBACK, whatever grants they hold', async () => {
    const world = await new WideWorld().acquainted()
    const leaves = [world.eu, world.us].map((region) => {
      const { region: name } = region.platform
      const platform = new FakePlatform(addressOf('topic', name, ROOM), {
        clock: world.clock,
        peers: fakePeers({
          wide: () => ({ publish: (...parameters) => region.wide.publish(...parameters) }),
        }),
        core: fakeCore(name),
      })
      return { name, leaf: new Topic(platform, ROOM).leaf }
    })
    for (const first of [0, 30, 400, 930]) {
      const client = `after-${first}` as ClientId
      let number = 0
      let subscribed: ReturnType<typeof subscribe> | null = null
      const due: string[] = []
      for (let at = 0; at < 3_000; at += 10) {
        if (at === 1_000 + first) subscribed = subscribe(world.eu, client, '+/+/a')
        for (const { name, leaf } of leaves) {
          const text = `${name} ${first} ${number++}`
          if (subscribed?.state() === 'resolved') due.push(`${client} ${text}`)
          watch(leaf.publish(LAMP, [record('rooms/1/a', text)]))
        }
        await world.clock.pass(10)
      }
      await world.clock.pass(1_000)
      const got = new Set(world.eu.got)
      expect(due.length).toBeGreaterThan(50)
      expect(due.filter((text) => !got.has(text))).toEqual([])
      world.eu.wide.unsubscribe(client, `session of ${client}`, null)
      await world.clock.pass(2_000)
    }
  })

  test('of a filter that is known needs neither the core nor a wait', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, LAMP, '#')
    await world.clock.pass(WAIT_MS)
    world.up = false
    const subscribed = subscribe(world.eu, APP, '#')
    await world.clock.settled()
    expect(subscribed.value()?.reasons).toEqual([1])
    expect(world.calls).toHaveLength(1)
  })

  test('that comes while the filter is being registered waits with the first', async () => {
    const world = await new WideWorld().acquainted()
    await publish(world, world.us, 'passed over')
    const first = subscribe(world.eu, LAMP, '#')
    await world.clock.pass(500)
    const second = subscribe(world.eu, APP, '#')
    await world.clock.settled()
    expect([first.state(), second.state()]).toEqual(['open', 'open'])
    await world.clock.pass(WAIT_MS - 500)
    expect([first.state(), second.state()]).toEqual(['resolved', 'resolved'])
    expect(world.calls).toHaveLength(1)
  })

  test('of a filter that was left and taken up again meanwhile waits for the newer registration', async () => {
    const world = await new WideWorld().acquainted()
    world.delayMs = 100
    subscribe(world.eu, LAMP, '#')
    await world.clock.pass(50)
    world.eu.wide.unsubscribe(LAMP, 'session of lamp', null)
    subscribe(world.eu, LAMP, '#')
    await world.clock.pass(100)
    const other = subscribe(world.eu, APP, '#')
    await world.clock.pass(25)
    expect(other.state()).toBe('open')
    await world.clock.pass(25)
    expect(other.state()).toBe('resolved')
  })

  test('is one of ten thousand with a hundred filters, who together cost two calls to the core', async () => {
    const world = await new WideWorld().acquainted()
    world.delayMs = 100
    const all = Array.from({ length: 10_000 }, (_, i) =>
      subscribe(world.eu, `c${i}` as ClientId, `all/+/${i % 100}`, '#'),
    )
    await world.clock.pass(50)
    const late = subscribe(world.eu, APP, '+/late')
    await world.clock.pass(2_000)
    expect([...all, late].filter(({ state }) => state() !== 'resolved')).toEqual([])
    expect(world.calls.map(({ filters }) => filters.length)).toEqual([101, 102])
  })

  test('past the bound of a shard’s filters gets 0x97, while a filter that is there takes more subscribers', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, LAMP, ...Array.from({ length: WIDE_FILTERS_MAX }, (_, i) => `+/${i}`))
    const subscribed = subscribe(world.eu, APP, '+/more', '+/7')
    await world.clock.pass(WAIT_MS)
    expect(subscribed.value()?.reasons).toEqual([Reason.QuotaExceeded, 1])
  })
})

describe('where the other regions cannot be reached', () => {
  test('a new filter is refused with 0x83 and undone, a known one in the same SUBSCRIBE is granted', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, LAMP, 'known/#')
    await world.clock.pass(WAIT_MS)
    world.up = false
    const subscribed = subscribe(world.eu, APP, 'rooms/#', 'known/#')
    await world.clock.pass(WAIT_MS)
    expect(subscribed.value()?.reasons).toEqual([Reason.ImplementationSpecificError, 1])
    expect(await publish(world, world.eu, '1')).toEqual({ outcomes: NOBODY, skipMs: WIDE_GRANT_MS })

    world.up = true
    const again = subscribe(world.eu, APP, 'rooms/#')
    await world.clock.pass(WAIT_MS)
    expect(again.value()?.reasons).toEqual([1])
    expect(world.calls.at(-1)?.filters.toSorted()).toEqual(['known/#', 'rooms/#'])
    await publish(world, world.us, '2')
    expect(world.eu.got).toEqual(['app 2'])
  })

  test('all who wait for one registration are refused together, and it is tried again for the next', async () => {
    const world = await new WideWorld().acquainted()
    world.delayMs = 100
    world.up = false
    const failed = [subscribe(world.eu, APP, '#'), subscribe(world.eu, LAMP, '#')]
    await world.clock.pass(200)
    expect(failed.map(({ value }) => value()?.reasons)).toEqual([[0x83], [0x83]])
    world.up = true
    const next = subscribe(world.eu, APP, '#')
    await world.clock.pass(200)
    expect(next.value()?.reasons).toEqual([1])
  })

  test('a shard that never learnt them waits once, goes on without grants, and asks again later', async () => {
    const world = new WideWorld()
    world.up = false
    world.delayMs = 3_000
    const first = watch(world.eu.wide.publish(ROOM, packBatch([routed('rooms/1/a', '1')])))
    await world.clock.pass(1_000)
    expect(first.value()).toEqual({ outcomes: NOBODY, skipMs: 0 })
    expect(await publish(world, world.eu, '2')).toEqual({ outcomes: NOBODY, skipMs: 0 })
    expect(world.calls).toHaveLength(1)

    await world.clock.pass(2_500)
    world.up = true
    world.delayMs = 0
    await world.clock.pass(WIDE_ASK_AGAIN_MS)
    expect(await publish(world, world.eu, '3')).toMatchObject({ skipMs: 0 })
    expect(await publish(world, world.eu, '4')).toMatchObject({ skipMs: WIDE_GRANT_MS })
    expect(world.calls).toHaveLength(2)
  })

  test('a message to a shard that has just learnt them follows those that waited for that', async () => {
    const world = new WideWorld()
    world.delayMs = 300
    subscribe(world.eu, APP, '#')
    await world.clock.pass(10)
    const got: string[] = []
    const send = (text: string) =>
      watch(world.eu.wide.publish(ROOM, packBatch([routed('rooms/1/a', text)])).then(() => got.push(text)))
    const waits = send('1')
    await world.clock.pass(350)
    const later = send('2')
    await world.clock.pass(1_000)
    expect([waits.state(), later.state(), got]).toEqual(['resolved', 'resolved', ['1', '2']])
  })

  test('a shard that is new learns of their filters before its first message passes', async () => {
    const world = new WideWorld()
    subscribe(world.us, APP, '#')
    await world.clock.pass(WAIT_MS)
    const fresh = new WideWorld()
    fresh.us.wide = world.us.wide
    const reply = await publish(fresh, fresh.eu, '1')
    expect(reply).toEqual({ outcomes: Uint8Array.of(0), skipMs: 0 })
    expect(world.us.got).toEqual(['app 1'])
  })
})

describe('after memory was lost', () => {
  test('a filter that was registered is known, and its subscribers get their messages', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, LAMP, '#')
    await world.clock.pass(WAIT_MS)
    world.loseMemory(world.eu)
    world.loseMemory(world.us)
    world.up = false
    const subscribed = subscribe(world.eu, APP, '#')
    await publish(world, world.us, '1')
    expect(subscribed.value()?.reasons).toEqual([1])
    expect(world.eu.got).toEqual(['lamp 1', 'app 1'])
  })

  test('a filter that was being left when the process died is not granted again while the other regions do not know it', async () => {
    const world = new WideWorld()
    subscribe(world.eu, APP, '#')
    await world.clock.pass(WAIT_MS)
    const { storage } = world.eu.platform
    const { exec } = storage
    storage.exec = (query, ...bindings) => {
      if (query.startsWith('DELETE FROM settled')) throw new Error('the process dies')
      return exec.call(storage, query, ...bindings)
    }
    expect(() => world.eu.wide.unsubscribe(APP, `session of ${APP}`, null)).toThrow('dies')
    storage.exec = exec
    world.loseMemory(world.eu)
    const asked = { fleet: DEFAULT_FLEET, region: US, shard: 0, version: 1, filters: [] }
    const { filters } = world.eu.wide.learn(asked)
    world.calls.length = 0
    subscribe(world.eu, APP, '#')
    await world.clock.pass(WAIT_MS)
    // Either it was never left, and the others know it yet, or it is told anew.
    expect([...filters, ...world.calls.flatMap((call) => call.filters)]).toEqual(['#'])
  })

  test('a filter whose registration was cut short is registered anew', async () => {
    const world = await new WideWorld().acquainted()
    await publish(world, world.us, 'passed over')
    subscribe(world.eu, LAMP, '#')
    await world.clock.pass(500)
    world.loseMemory(world.eu)
    world.up = false
    const refused = subscribe(world.eu, APP, '#')
    await world.clock.settled()
    expect(refused.value()?.reasons).toEqual([0x83])
    world.up = true
    const granted = subscribe(world.eu, APP, '#')
    await world.clock.pass(WAIT_MS)
    expect(granted.value()?.reasons).toEqual([1])
  })
})

describe('a region’s set of filters', () => {
  const told = (version: number, ...filters: string[]) => ({
    fleet: DEFAULT_FLEET,
    region: US,
    shard: 0,
    version,
    filters,
  })

  test('that is older than the one known changes nothing', async () => {
    const world = await new WideWorld().acquainted()
    world.eu.wide.learn(told(7, 'rooms/#'))
    world.eu.wide.learn(told(6))
    expect(await publish(world, world.eu, '1')).toMatchObject({ skipMs: 0 })
    world.eu.wide.learn(told(8))
    expect(await publish(world, world.eu, '2')).toMatchObject({ skipMs: WIDE_GRANT_MS })
    world.loseMemory(world.eu)
    world.eu.wide.learn(told(7, 'rooms/#'))
    expect(await publish(world, world.eu, '3')).toMatchObject({ skipMs: WIDE_GRANT_MS })
  })

  test('shrinks with the last subscriber of a filter, and the others learn it', async () => {
    const world = await new WideWorld().acquainted()
    for (const client of [APP, LAMP]) subscribe(world.eu, client, '#')
    await world.clock.pass(WAIT_MS)
    world.eu.wide.unsubscribe(APP, 'session of app', ['#'])
    await world.clock.pass(100)
    expect(await publish(world, world.us, '1')).toMatchObject({ skipMs: 0 })
    world.eu.wide.unsubscribe(LAMP, 'session of lamp', null)
    await world.clock.pass(100)
    expect(await publish(world, world.us, '2')).toMatchObject({ skipMs: WIDE_GRANT_MS })
    expect(world.eu.got).toEqual(['lamp 1'])
  })

  test('is announced again by a region that has lost its storage, with a version above its former ones', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, APP, '#')
    await world.clock.pass(WAIT_MS)
    world.loseStorage(world.eu)
    expect(await publish(world, world.us, '1')).toMatchObject({ skipMs: 0 })
    await world.clock.pass(100)
    expect(await publish(world, world.us, '2')).toMatchObject({ skipMs: WIDE_GRANT_MS })
  })

  test('is announced again where messages still come that nobody wants', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, APP, '#')
    await world.clock.pass(WAIT_MS)
    world.up = false
    world.eu.wide.unsubscribe(APP, 'session of app', null)
    await world.clock.pass(WIDE_ASK_AGAIN_MS)
    world.up = true
    expect(await publish(world, world.us, '1')).toMatchObject({ skipMs: 0 })
    await world.clock.pass(100)
    expect(await publish(world, world.us, '2')).toMatchObject({ skipMs: WIDE_GRANT_MS })
  })
})

test('a WideActor without filters writes nothing for a message, and none leaves a timer', async () => {
  const world = await new WideWorld().acquainted()
  const before = world.us.platform.execs
  for (const text of ['1', '2', '3']) await publish(world, world.us, text)
  expect(world.us.platform.execs).toBe(before)
  expect(world.clock.nextAt).toBeNull()
  subscribe(world.eu, APP, '#')
  await world.clock.pass(WAIT_MS)
  await publish(world, world.us, '4')
  await world.clock.pass(100)
  expect(world.eu.got).toEqual(['app 4'])
  expect(world.clock.nextAt).toBeNull()
})

test('the retained messages of many roots come page by page, each once, but for those of a leaf that fails', async () => {
  const texts = (root: Root) => Array.from({ length: root === 'r/07' ? 3 : 1 }, (_, i) => `${root} ${i}`)
  const world = new WideWorld({
    leaf: (root) => ({
      retainedFor: async (_, after) => {
        if (root === 'r/05') throw new Error('it fails')
        const rest = texts(root).filter((text) => `${root}/${text}` > after)
        const first = rest.slice(0, 2)
        return {
          records: packBatch(first.map((text) => record(`${root}/${text}`, text))),
          next: rest.length > 2 ? `${root}/${first.at(-1)}` : null,
        }
      },
    }),
  })
  const roots = Array.from({ length: 40 }, (_, i) => `r/${String(i).padStart(2, '0')}` as Root)
  for (const root of [...roots, 'other/1' as Root]) world.eu.wide.retains(root, true)
  world.eu.wide.retains(roots[9] as Root, false)
  world.loseMemory(world.eu)

  const got: Uint8Array[] = []
  let pages = 0
  let after: WideCursor | null = null
  do {
    const asked: Promise<RetainedPage<WideCursor>> = world.eu.wide.retained(['r/+/#'], after)
    const answer = watch(asked)
    await world.clock.pass(1_000)
    const page = answer.value()
    if (page === undefined) throw new Error('a page takes long')
    got.push(...unpackBatch(page.records))
    after = page.next
    pages++
  } while (after !== null)
  const wanted = roots.filter((root) => root !== 'r/05' && root !== 'r/09').flatMap(texts)
  expect(got).toEqual(wanted.map((text) => record(`${text.split(' ')[0]}/${text}`, text)))
  expect(pages).toBe(2)
})
