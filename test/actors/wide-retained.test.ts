// Retained messages for the many that subscribe to one wide filter in a moment.
import { expect, test } from 'vitest'
import { Together } from '../../actors/together.ts'
import { Wide } from '../../actors/wide/wide.ts'
import type { Root } from '../../src/id/ids.ts'
import { bytesToBase64 } from '../../src/relay/base64.ts'
import { packBatch } from '../../src/relay/batch.ts'
import type { WideRetainedResponse } from '../../src/relay/wide.ts'
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
        return { records: bytesToBase64(kept), clock: platform.now(), next: null }
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

test('what is elsewhere is asked for again when the core was not reached', async () => {
  const answers: (WideRetainedResponse | Error)[] = [
    new Error('the core is away for a moment'),
    { records: bytesToBase64(packBatch([])), clock: 0, next: null },
  ]
  const platform = new FakePlatform(addressOf('wide', EU, '0'), {
    core: fakeCore(EU, {
      wideRetained: async () => {
        const answer = answers.shift()
        if (answer === undefined || answer instanceof Error) throw answer
        return answer
      },
    }),
  })
  const page = watch(new Wide(platform, 0).retainedElsewhere(['#'], null))
  await platform.clock.pass(1_000)
  expect(page.value()).toEqual({ records: packBatch([]), next: null })
})

test('who asks while a call is under way gets what a later one says, also after one that fails', async () => {
  const together = new Together<string>()
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
