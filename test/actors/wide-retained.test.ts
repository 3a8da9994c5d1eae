// Retained messages for the many that subscribe to one wide filter in a moment.
import { expect, test } from 'vitest'
import { SharedCalls } from '../../actors/calls/shared-calls.ts'
import type { RetainedRecords } from '../../actors/device/session/registrar.ts'
import { WideRegistrar } from '../../actors/device/session/wide-registrar.ts'
import { Wide } from '../../actors/wide/wide.ts'
import type { ClientId, Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, record, watch } from './samples.ts'

test('a thousand that ask at once cost two looks here, and two calls for what is elsewhere', async () => {
  const looks: Root[] = []
  const answers: (() => void)[] = []
  let calls = 0
  const kept = packBatch([record('rooms/1/a', 'kept')])
  const platform = new FakePlatform(addressOf('wide', EU, '0'), {
    peers: fakePeers({
      leaf: (root) => ({
        retainedFor: async () => {
          looks.push(root)
          await new Promise<void>((done) => answers.push(done))
          return { records: kept, next: null }
        },
      }),
    }),
    core: fakeCore(EU, {
      wideRetained: async () => {
        calls++
        await new Promise<void>((done) => answers.push(done))
        return { records: kept, clock: platform.now(), next: null }
      },
    }),
  })
  const wide = new Wide(platform, 0)
  wide.retains('rooms/1' as Root, true)
  const pages = Array.from({ length: 1_000 }, () => [
    watch(wide.retained(['rooms/+/a'], null)),
    watch(wide.retainedElsewhere(['rooms/+/a'], null)),
  ])
  for (let i = 0; i < 4; i++) {
    await platform.clock.settled()
    for (const answer of answers.splice(0)) answer()
  }
  await platform.clock.settled()
  expect([looks.length, calls]).toEqual([2, 2])
  expect(pages.flat().filter((page) => page.value()?.next !== null)).toEqual([])
  expect(pages.flat().every((page) => page.value()?.records.length === kept.length)).toBe(true)
})

test('who has subscribed asks again for pages that did not come', async () => {
  const page = (topic: string) => ({ records: packBatch([record(topic, 'kept')]), next: null })
  const failed = new Set<string>()
  const lostOnce = <T>(what: string, answer: T): T => {
    if (failed.has(what)) return answer
    failed.add(what)
    throw new Error(`the answer of ${what} was lost`)
  }
  const platform = new FakePlatform(addressOf('device', EU, 'app'), {
    peers: fakePeers({
      wide: (shard) => ({
        retained: async () => lostOnce(`here ${shard}`, page(`rooms/${shard}/a`)),
        retainedElsewhere: async () => lostOnce(`elsewhere ${shard}`, page(`rooms/${shard}/b`)),
      }),
    }),
  })
  const topics = async () => {
    const found: string[] = []
    const registrar = new WideRegistrar(platform, 'app' as ClientId)
    for (let after: string | null = ''; after !== null; ) {
      const page: RetainedRecords = await registrar.retained(['#'], after)
      found.push(...page.records.map((one) => decodeMessage(one).topic))
      after = page.next
    }
    return found.sort()
  }
  const all = watch(topics())
  await platform.clock.pass(1_000)
  const expected = platform.peers.wideShards().flatMap((_, i) => [`rooms/${i}/a`, `rooms/${i}/b`])
  expect(all.value()).toEqual(expected)
})

test('a leaf that did not answer is asked again', async () => {
  let calls = 0
  const platform = new FakePlatform(addressOf('wide', EU, '0'), {
    peers: fakePeers({
      leaf: () => ({
        retainedFor: async () => {
          if (calls++ === 0) throw new Error('the answer was lost')
          return { records: packBatch([record('rooms/1/a', 'kept')]), next: null }
        },
      }),
    }),
  })
  const wide = new Wide(platform, 0)
  wide.retains('rooms/1' as Root, true)
  const page = watch(wide.retained(['#'], null))
  await platform.clock.pass(1_000)
  expect(unpackBatch(page.value()?.records ?? packBatch([]))).toHaveLength(1)
})

test('who asks while a call is under way gets what a later one says, also after one that fails', async () => {
  const together = new SharedCalls<string>()
  const first = held<string>()
  const answers = [first.answer, Promise.resolve('second'), Promise.resolve('third')]
  const ask = (key = 'key') =>
    watch(together.ask(key, () => answers.shift() ?? Promise.reject(new Error('none'))))
  const [a, b, c] = [ask(), ask(), ask()]
  const other = ask('another')
  first.fail(new Error('the first fails'))
  await new Promise((done) => setImmediate(done))
  expect([a, b, c, other].map((one) => one.value() ?? one.state())).toEqual([
    'rejected',
    'third',
    'third',
    'second',
  ])
  expect(ask().state()).toBe('open')
})
