// A home and the WideActor of its root: when it asks, when it need not, and what it says of its retained messages.
import { describe, expect, test } from 'vitest'
import { RETAINS_RETRY_MS, WIDE_GRANT_MS } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import type { WidePeer } from '../../actors/wide/wide-peer.ts'
import { type Branch, DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { decodeMessage, encodeMessage } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, LAMP, ROOM, record, routedTexts, stored, US, watch } from './samples.ts'

function leafWith(wide: Partial<WidePeer>, home: RegionId = EU) {
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({ wide: () => wide }),
    core: fakeCore(home),
  })
  return { platform, clock: platform.clock, topic: new Topic(platform, ROOM) }
}

/** A WideActor that answers each message the same. */
function answering(outcome: number, skipMs: number) {
  const asked: string[] = []
  const wide: Partial<WidePeer> = {
    publish: async (_, batch) => {
      asked.push(...routedTexts(batch))
      return { outcomes: new Uint8Array(unpackBatch(batch).length).fill(outcome), skipMs }
    },
  }
  return { asked, wide }
}

function publish({ leaf }: Topic, text: string, more = {}) {
  return watch(leaf.publish(LAMP, [record('rooms/1/a', text, more)]))
}

describe('a home', () => {
  test('asks for each message while there is no grant', async () => {
    const { asked, wide } = answering(Reason.Success, 0)
    const { clock, topic } = leafWith(wide)
    const published = ['1', '2', '3'].map((text) => publish(topic, text))
    await clock.pass(100)
    expect(asked).toEqual(['1', '2', '3'])
    expect(published.map(({ value }) => value())).toEqual([1, 2, 3].map(() => Uint8Array.of(0)))
  })

  test('does not ask until the grant has ended, counted from when it called', async () => {
    const { asked, wide } = answering(Reason.NoMatchingSubscribers, WIDE_GRANT_MS)
    const { clock, topic } = leafWith({
      publish: async (...parameters) => {
        await new Promise<void>((late) => clock.after(300, late))
        return wide.publish?.(...parameters) as ReturnType<WidePeer['publish']>
      },
    })
    const first = publish(topic, '1')
    await clock.pass(WIDE_GRANT_MS - 1)
    const second = publish(topic, '2')
    await clock.pass(1)
    publish(topic, '3')
    await clock.pass(WIDE_GRANT_MS - 1)
    publish(topic, '4')
    await clock.pass(100)
    expect(asked).toEqual(['1', '3'])
    for (const { value } of [first, second])
      expect(value()).toEqual(Uint8Array.of(Reason.NoMatchingSubscribers))
  })

  test('fails a publish that a wide subscriber could not take', async () => {
    const { wide } = answering(Reason.QuotaExceeded, 0)
    const { clock, topic } = leafWith(wide)
    const published = publish(topic, '1')
    await clock.pass(100)
    expect(published.value()).toEqual(Uint8Array.of(Reason.QuotaExceeded))
  })

  test('elsewhere is nothing that a leaf asks its own WideActor for', async () => {
    const { asked, wide } = answering(Reason.Success, 0)
    const { clock, topic } = leafWith(wide, US)
    const published = publish(topic, '1')
    await clock.pass(100)
    expect(published.value()).toEqual(Uint8Array.of(0))
    expect(asked).toEqual([])
  })
})

describe('a home’s retained messages', () => {
  const KEPT = { retain: true }

  function telling() {
    const told: [Branch, boolean][] = []
    return {
      told,
      wide: {
        retains: async (root: Branch, any: boolean) => {
          told.push([root, any])
        },
      },
    }
  }

  test('are known to the WideActor before the publisher has its answer', async () => {
    const known = held<void>()
    const { clock, topic } = leafWith({ retains: () => known.answer })
    const published = publish(topic, '1', KEPT)
    await clock.pass(1000)
    expect(published.state()).toBe('open')
    known.give()
    await clock.settled()
    expect(published.value()).toEqual(stored(1))
  })

  test('are made known once, and that there are none any more, once', async () => {
    const { told, wide } = telling()
    const { clock, topic } = leafWith(wide)
    for (const text of ['1', '2', '', '']) {
      publish(topic, text, KEPT)
      await clock.pass(100)
    }
    expect(told).toEqual([
      [ROOM, true],
      [ROOM, false],
    ])
  })

  test('that were not made known when the process died are made known by an alarm', async () => {
    const { told, wide } = telling()
    let dead = true
    const { clock, platform, topic } = leafWith({
      retains: (root, any) => (dead ? new Promise(() => undefined) : wide.retains(root, any)),
    })
    const published = publish(topic, '1', KEPT)
    await clock.pass(100)
    expect(published.state()).toBe('open')
    dead = false
    const next = platform.loseMemory()
    const { leaf } = new Topic(next, ROOM)
    expect(next.alarmAt).toBeLessThanOrEqual(clock.now + RETAINS_RETRY_MS)
    next.alarmWent()
    await leaf.alarm()
    expect(told).toEqual([[ROOM, true]])
    expect(next.alarmAt).toBeNull()
  })

  test('fail their publisher where the WideActor is not reached, which is tried again', async () => {
    const { clock, platform, topic } = leafWith({
      retains: () => Promise.reject(new Error('it died')),
    })
    const published = publish(topic, '1', KEPT)
    await clock.pass(100)
    expect(published.value()).toEqual(Uint8Array.of(Reason.UnspecifiedError))
    expect(platform.alarmAt).not.toBeNull()
  })

  test('are given page by page in the order of their topics, and not once the home has moved', async () => {
    const { told, wide } = telling()
    const { clock, topic } = leafWith(wide)
    const count = 300
    const topics = Array.from({ length: count }, (_, i) => `rooms/1/${String(i).padStart(3, '0')}`)
    for (const one of [...topics, 'rooms/1/deep/er'])
      watch(topic.leaf.publish(LAMP, [record(one, one, KEPT)]))
    await clock.pass(1000)
    const first = topic.leaf.retainedFor(['rooms/1/+', 'rooms/1/+'], '', ROOM)
    const second = topic.leaf.retainedFor(['rooms/1/+'], first.next ?? '', ROOM)
    const given = [first, second].flatMap(({ records }) => unpackBatch(records))
    // Accepted before the first grant, so a live copy may follow: they have names.
    const unnamed = given.map((one) => {
      const { origin: _, ...message } = decodeMessage(one)
      return encodeMessage(message)
    })
    expect(unnamed).toEqual(topics.map((one) => record(one, one, { ...KEPT, retainedAt: 1 })))
    expect([first.next === null, second.next]).toEqual([false, null])

    topic.handover({ fleet: DEFAULT_FLEET, root: ROOM, epoch: 2, to: US })
    const after = topic.leaf.retainedFor(['#'], '', ROOM)
    await clock.settled()
    expect(unpackBatch(after.records)).toEqual([])
    expect(told.at(-1)).toEqual([ROOM, false])
  })
})
