// The uplink behind a link that fails, and the messages of a home that has moved.

import { describe, expect, test, vi } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { FENCE_WAIT_MS_MAX, GLOBAL_WAIT_MS, TAKEN_WAIT_MS } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import { Lane } from '../../actors/uplink/lane.ts'
import { Uplink } from '../../actors/uplink/uplink.ts'
import type { RegionId, Root } from '../../src/id/ids.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope, EnvelopeResult, EnvelopesResponse } from '../../src/relay/envelope.ts'
import { FakeClock } from './fake-clock.ts'
import { fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  deliveredTexts,
  EU,
  ROOM,
  routed,
  routedTexts,
  stored,
  subscriptionTo,
  US,
  watch,
} from './samples.ts'

const HOME = { kind: 'home' } as const

/** An uplink in eu, and what arrives where its envelopes go while the link is up. */
function uplinkOver(receive: (envelope: Envelope) => Promise<EnvelopeResult>, clock = new FakeClock()) {
  const link = { up: false, answers: true, calls: [] as Envelope[][] }
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), {
    clock,
    core: fakeCore(EU, {
      envelopes: async ({ envelopes }) => {
        link.calls.push(envelopes)
        if (!link.up) throw new CoreUnreachable('the link is down')
        const results: EnvelopeResult[] = []
        for (const envelope of envelopes) results.push(await receive(envelope))
        if (!link.answers) throw new CoreUnreachable('the answer was lost')
        return { results }
      },
    }),
  })
  return { clock, link, platform, uplink: new Uplink(platform) }
}

function room(...texts: string[]): Uint8Array {
  return packBatch(texts.map((text) => routed('rooms/1/a', text)))
}

/** Takes everything, once each, as a leaf does. */
function inbox() {
  const texts: string[] = []
  const seen = new Map<string, number>()
  const receive = async ({ root, source, first, records }: Envelope): Promise<EnvelopeResult> => {
    const all = routedTexts(records)
    const lane = `${source} ${root}`
    const known = seen.get(lane) ?? 0
    texts.push(...all.slice(Math.max(0, known - first)))
    seen.set(lane, Math.max(known, first + all.length))
    return { status: 'done', outcomes: all.map(() => 0) }
  }
  return { texts, receive }
}

test.each([
  ['to the region itself', { region: US, epoch: 2 }],
  ['to a third region', { region: EU, epoch: 3 }],
])(
  'what the former home acknowledged for a region arrives there after the home has moved %s',
  async (_, now) => {
    const got: string[] = []
    const clock = new FakeClock()
    let home = { region: EU, epoch: 1 }
    const platform = new FakePlatform(addressOf('topic', US, ROOM), {
      clock,
      peers: fakePeers({
        device: () => ({
          deliver: async (__, batch) => {
            got.push(...deliveredTexts(batch))
            return new Uint8Array(unpackBatch(batch).length)
          },
        }),
      }),
      core: fakeCore(US, {
        resolve: async () => ({ home }),
        claim: async () => ({ home, state: null, synced: false }),
        interest: async ({ order }) => ({ home, order, clock: 0, retained: [] }),
      }),
    })
    const { leaf } = new Topic(platform, ROOM)
    const { link, uplink } = uplinkOver((envelope) => leaf.receive(envelope, 0), clock)
    await leaf.subscribe(APP, 'session of app', [subscriptionTo('rooms/1/#')])
    const sent = watch(uplink.send(ROOM, { kind: 'region', region: US, epoch: 1 }, null, room('1', '2')))
    await clock.pass(2000)
    expect(sent.value()).toEqual(stored(2))

    home = now
    await leaf.home.verify()
    link.up = true
    await clock.pass(20_000)

    expect(leaf.home.knowledge.at).toBe(now.region === US ? 'here' : 'elsewhere')
    expect(got).toEqual(['1', '2'])
  },
)

test('QoS 0 that follows more stored messages than one call has is dropped while the link is down', async () => {
  const { texts, receive } = inbox()
  const { clock, link, uplink } = uplinkOver(receive)
  const many = Array.from({ length: 600 }, (_, i) => `stored ${i}`)
  const before = watch(uplink.send(ROOM, HOME, US, room(...many)))
  await clock.pass(2000)
  expect(before.value()).toEqual(stored(600))

  const mixed = packBatch([routed('rooms/1/a', 'fleeting', { qos: 0 }), routed('rooms/1/a', 'last')])
  const sent = watch(uplink.send(ROOM, HOME, US, mixed))
  await clock.pass(5000)
  expect(sent.value()).toEqual(Uint8Array.of(0, Outcome.Stored))

  link.up = true
  await clock.pass(20_000)
  expect(texts).toEqual([...many, 'last'])
})

test('QoS 0 that comes before the failure of the link is known is given up too', async () => {
  const { clock, uplink } = uplinkOver(inbox().receive)
  const batch = packBatch([
    ...Array.from({ length: 600 }, (_, i) => routed('rooms/1/a', `stored ${i}`)),
    routed('rooms/1/a', 'fleeting', { qos: 0 }),
  ])
  const sent = watch(uplink.send(ROOM, HOME, US, batch))
  await clock.pass(5000)

  expect(sent.value()).toEqual(Uint8Array.of(...stored(600), 0))
})

test('after the home picked up what waited, no number goes out again for another message of the same source', async () => {
  const { texts, receive } = inbox()
  const { clock, link, uplink } = uplinkOver(receive)
  link.up = true
  link.answers = false
  const sent = watch(uplink.send(ROOM, HOME, US, room('1', '2', '3')))
  await clock.pass(1500)
  expect(sent.value()).toEqual(stored(3))
  expect(takenTexts(uplink)).toEqual(['1', '2', '3'])
  uplink.confirmPickup(ROOM)

  link.answers = true
  const later = watch(uplink.send(ROOM, HOME, US, room('4', '5')))
  await clock.pass(20_000)

  expect(later.value()).toEqual(stored(2))
  expect(texts).toEqual(['1', '2', '3', '4', '5'])
  expect(reused(link.calls.flat())).toEqual([])
})

test('what is under way when the home comes here is not sent again when its call fails: the home may have newer messages', async () => {
  const answer = held<EnvelopesResponse>()
  let calls = 0
  const core = fakeCore(EU, {
    envelopes: () => {
      calls++
      return answer.answer
    },
  })
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), { core })
  const uplink = new Uplink(platform)
  watch(uplink.send(ROOM, HOME, US, room('1')))
  await platform.clock.pass(100)
  expect(takenTexts(uplink)).toEqual(['1'])
  answer.fail(new CoreUnreachable('the answer was lost'))
  // Less than an unconfirmed message waits for its home.
  await platform.clock.pass(TAKEN_WAIT_MS / 2)
  uplink.confirmPickup(ROOM)
  await platform.clock.pass(60_000)
  expect(calls).toBe(1)
})

test('what is under way when the home comes here is given to it too, before what came after it', async () => {
  const never = held<EnvelopesResponse>()
  const sources: { source: string; first: number }[] = []
  const core = fakeCore(EU, {
    envelopes: ({ envelopes }) => {
      sources.push(...envelopes.map(({ source, first }) => ({ source, first })))
      return never.answer
    },
  })
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), { core })
  const uplink = new Uplink(platform)
  const sent = [watch(uplink.send(ROOM, HOME, US, room('1')))]
  await platform.clock.pass(100)
  sent.push(watch(uplink.send(ROOM, HOME, US, room('2'))))
  await platform.clock.pass(100)
  const [run, ...more] = uplink.pickUp(ROOM)
  await platform.clock.settled()

  expect(more).toEqual([])
  expect(routedTexts(run?.batch ?? new Uint8Array(0))).toEqual(['1', '2'])
  expect([{ source: run?.source, first: run?.first }]).toEqual(sources)
  expect(sent.map(({ value }) => value())).toEqual([stored(1), stored(1)])
})

test('messages that the home picked up and did not confirm go the usual way', async () => {
  const { texts, receive } = inbox()
  const { clock, link, uplink } = uplinkOver(receive)
  const sent = watch(uplink.send(ROOM, HOME, US, room('1', '2')))
  await clock.pass(2000)
  expect(sent.value()).toEqual(stored(2))
  expect(takenTexts(uplink)).toEqual(['1', '2'])

  link.up = true
  for (let seconds = 0; seconds < 120; seconds += 5) {
    uplink.alarm()
    await clock.pass(5000)
  }
  expect(texts).toEqual(['1', '2'])
})

test('what was stored before the process died is sent after it', async () => {
  const { texts, receive } = inbox()
  const { clock, link, platform, uplink } = uplinkOver(receive)
  const sent = watch(uplink.send(ROOM, HOME, US, room('1', '2')))
  await clock.pass(2000)
  expect(sent.value()).toEqual(stored(2))

  link.up = true
  new Uplink(platform.loseMemory()).alarm()
  await clock.pass(20_000)
  expect(texts).toEqual(['1', '2'])
})

test('what was sent and not answered before the process died has its old name after it', async () => {
  const { texts, receive } = inbox()
  const { clock, link, platform, uplink } = uplinkOver(receive)
  link.up = true
  link.answers = false
  const sent = watch(uplink.send(ROOM, HOME, US, room('1', '2')))
  await clock.pass(2_000)
  const behind = watch(uplink.send(ROOM, HOME, US, room('3')))
  await clock.pass(20_000)
  expect([sent.value(), behind.value()]).toEqual([stored(2), stored(1)])

  const next = new Uplink(platform.loseMemory())
  link.answers = true
  watch(next.send(ROOM, HOME, US, room('4')))
  await clock.pass(20_000)
  expect(texts).toEqual(['1', '2', '3', '4'])
  expect(reused(link.calls.flat())).toEqual([])
})

test('durability global: what is in the outbox is answered for only when it is delivered', async () => {
  const { texts, receive } = inbox()
  const { clock, link, uplink } = uplinkOver(receive)
  const batch = (text: string) => packBatch([routed('rooms/1/a', text, { global: true })])
  const first = watch(uplink.send(ROOM, HOME, US, batch('1')))
  const usual = watch(uplink.send(ROOM, HOME, US, room('2')))
  await clock.pass(2_000)
  const behind = watch(uplink.send(ROOM, HOME, US, batch('3')))
  await clock.pass(2_000)
  expect([first.state(), usual.state(), behind.state()]).toEqual(['open', 'resolved', 'open'])
  link.up = true
  await clock.pass(5_000)
  expect([first.value(), behind.value()]).toEqual([Uint8Array.of(0), Uint8Array.of(0)])
  expect(texts).toEqual(['1', '2', '3'])
})

test('durability global: if that takes long the publisher gets a failure, and the message stays', async () => {
  const { texts, receive } = inbox()
  const { clock, link, platform, uplink } = uplinkOver(receive)
  const sent = watch(uplink.send(ROOM, HOME, US, packBatch([routed('rooms/1/a', '1', { global: true })])))
  await clock.pass(GLOBAL_WAIT_MS + 500)
  expect(sent.value()).toEqual(Uint8Array.of(Reason.ImplementationSpecificError))
  link.up = true
  new Uplink(platform.loseMemory()).alarm()
  await clock.pass(20_000)
  expect(texts).toEqual(['1'])
})

describe('what waits for a region’s wide filters', () => {
  const ATTIC = 'rooms/2' as Root
  const toWide = (region: RegionId) => ({ kind: 'wide', region }) as const

  test('is drained when all that waited then, of every root, has been delivered there', async () => {
    const { texts, receive } = inbox()
    const attic = held<void>()
    const later = held<void>()
    const { clock, link, uplink } = uplinkOver(async (envelope) => {
      if (envelope.root === ATTIC) await attic.answer
      else if (routedTexts(envelope.records).includes('after')) await later.answer
      return receive(envelope)
    })
    link.up = true
    watch(uplink.send(ROOM, toWide(US), null, room('1')))
    watch(uplink.send(ATTIC, toWide(US), null, room('2')))
    const drained = watch(uplink.drainedWide(US))
    await clock.settled()
    watch(uplink.send(ROOM, toWide(US), null, room('after')))
    await clock.pass(100)
    expect(drained.state()).toBe('open')
    attic.give()
    await clock.pass(100)
    expect(drained.state()).toBe('resolved')
    expect(texts).toEqual(['1', '2'])
    later.give()
    await clock.pass(100)
    expect(texts).toEqual(['1', '2', 'after'])
  })

  test('is drained although more comes all the time', async () => {
    const { clock, link, uplink } = uplinkOver(async () => ({ status: 'done', outcomes: [0] }))
    link.up = true
    const flow = () => watch(uplink.send(ROOM, toWide(US), null, room('more')))
    flow()
    const drained = watch(uplink.drainedWide(US))
    for (let at = 0; at < 100; at += 2) {
      flow()
      await clock.pass(2)
    }
    expect(drained.state()).toBe('resolved')
  })

  test('is not drained while it lies in the outbox, also after the process died', async () => {
    const { clock, link, platform, uplink } = uplinkOver(inbox().receive)
    const sent = watch(uplink.send(ROOM, toWide(US), null, room('1')))
    await clock.pass(2_000)
    expect(sent.value()).toEqual(stored(1))
    const next = new Uplink(platform.loseMemory())
    const refused = watch(next.drainedWide(US))
    await clock.pass(FENCE_WAIT_MS_MAX + 100)
    expect(refused.state()).toBe('rejected')
    link.up = true
    await clock.pass(20_000)
    const drained = watch(next.drainedWide(US))
    await clock.settled()
    expect(drained.state()).toBe('resolved')
  })

  test('does not wait for what goes to another region, to a home, or to a region’s leaves', async () => {
    const { clock, uplink } = uplinkOver(inbox().receive)
    for (const to of [toWide(EU), HOME, { kind: 'region', region: US, epoch: 1 } as const])
      watch(uplink.send(ROOM, to, US, room('1')))
    await clock.pass(2_000)
    const drained = watch(uplink.drainedWide(US))
    await clock.settled()
    expect(drained.state()).toBe('resolved')
  })
})

test('a dispatch looks at no lanes but those that have something for its destination', async () => {
  const clock = new FakeClock()
  const away = new Set<string>()
  const { uplink, link } = uplinkOver(async ({ root }) => {
    away.add(root)
    return { status: 'unreachable', detail: 'away' }
  }, clock)
  link.up = true
  const region = (name: string) => ({ kind: 'region', region: name as RegionId, epoch: 1 }) as const
  for (let i = 0; i < 500; i++) watch(uplink.send(`rooms/${i}` as Root, region('us'), null, room('m')))
  await clock.pass(2_000)
  expect(away.size).toBe(500)
  const looks = vi.spyOn(Lane.prototype, 'destination', 'get')
  watch(uplink.send('rooms/other' as Root, region('ap'), null, room('m')))
  await clock.settled()
  expect(away.has('rooms/other')).toBe(true)
  expect(looks.mock.calls.length).toBeLessThan(20)
})

function takenTexts(uplink: Uplink): string[] {
  return uplink.pickUp(ROOM).flatMap(({ batch }) => routedTexts(batch))
}

/** Numbers of a source that stood for more than one message. */
function reused(envelopes: readonly Envelope[]): string[] {
  const known = new Map<string, string>()
  const again: string[] = []
  for (const { source, first, records } of envelopes) {
    routedTexts(records).forEach((text, i) => {
      const number = `${source} ${first + i}`
      if ((known.get(number) ?? text) !== text) again.push(number)
      known.set(number, text)
    })
  }
  return again
}
