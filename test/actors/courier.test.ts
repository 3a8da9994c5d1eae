// Couriers, and the backlog behind them, when a receiver does not answer.

import { expect, test } from 'vitest'
import { Courier } from '../../actors/calls/courier.ts'
import { COURIER_REPORT_EVERY_MS } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { inOnePiece } from '../../src/relay/pieces.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { APP, addressOf, deliveredTexts, EU, LAMP, ROOM, record, subscriptionTo, watch } from './samples.ts'

test('a courier that waits to try again is not idle', async () => {
  const platform = new FakePlatform(addressOf('topic', EU, ROOM))
  let answers = false
  const courier = new Courier(platform, {
    call: async (batch) => {
      if (!answers) throw new Error('no answer')
      return new Uint8Array(unpackBatch(batch).length)
    },
    failed: (records) => records.map(() => Reason.UnspecifiedError),
  })
  const posted = watch(courier.post(Uint8Array.of(1)))
  for (let ms = 0; ms < 100; ms += 5) {
    expect(courier.idle).toBe(false)
    await platform.clock.pass(5)
  }
  answers = true
  await platform.clock.pass(2000)

  expect(posted.value()).toBe(Reason.Success)
  expect(courier.idle).toBe(true)
})

test('records that wait when a receiver is given up follow the backlog, in order', async () => {
  const got: string[] = []
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({
      device: () => ({
        deliver: async (_, batch) => {
          if (failures < 4) {
            failures++
            // These come while the last try is under way; the receiver answers again from the moment it is given up.
            if (failures === 4) published.push(...['2', '3'].map(publish))
            throw new Error('no answer')
          }
          got.push(...deliveredTexts(batch))
          return new Uint8Array(unpackBatch(batch).length)
        },
      }),
    }),
  })
  const { clock } = platform
  const { leaf } = new Topic(platform, ROOM)
  const publish = (text: string) => watch(leaf.publish(LAMP, [record('rooms/1/a', text)]))
  let failures = 0
  await leaf.subscribe(APP, 'session of app', [subscriptionTo('rooms/1/#')])
  const published = [publish('1')]
  await clock.pass(700)
  published.push(publish('4'))
  await clock.settled()
  await leaf.alarm()
  await clock.pass(2000)

  expect(failures).toBe(4)
  expect(published.map(({ value }) => value()?.[0])).toEqual([
    Outcome.Stored,
    Outcome.Stored,
    Outcome.Stored,
    Outcome.Stored,
  ])
  expect(got).toEqual(['1', '2', '3', '4'])
})

test('records that wait after failed ones fail with them: a publisher that is closed for it sends all again, in order', async () => {
  const platform = new FakePlatform(addressOf('topic', EU, ROOM))
  const got: number[] = []
  const failed: number[] = []
  let calls = 0
  const courier = new Courier(platform, {
    call: async (batch) => {
      const records = unpackBatch(batch)
      if (++calls === 4) posted.push(courier.post(Uint8Array.of(2)))
      if (calls <= 4) throw new Error('the disk is full')
      got.push(...records.map(([one]) => one ?? 0))
      return new Uint8Array(records.length)
    },
    failed: (records) => {
      failed.push(...records.map((one) => inOnePiece(one)[0] ?? 0))
      return records.map(() => Reason.UnspecifiedError)
    },
  })
  const posted = [courier.post(Uint8Array.of(1))]
  await platform.clock.pass(2_000)
  expect(await Promise.all(posted)).toEqual([Reason.UnspecifiedError, Reason.UnspecifiedError])
  expect([failed, got]).toEqual([[1, 2], []])
  expect(await Promise.all([courier.post(Uint8Array.of(3)), platform.clock.pass(100)])).toEqual([
    0,
    undefined,
  ])
})

test('that calls are made again is reported, and not for each of them', async () => {
  const platform = new FakePlatform(addressOf('topic', EU, ROOM))
  const failing = () =>
    new Courier(platform, {
      call: async () => {
        throw new Error('no answer')
      },
      failed: (records) => records.map(() => Reason.UnspecifiedError),
    })
  const told = () => platform.reports.filter(({ what }) => what.includes('is repeated')).length
  for (let i = 0; i < 20; i++) watch(failing().post(Uint8Array.of(1)))
  await platform.clock.pass(2_000)
  expect(told()).toBe(1)
  await platform.clock.pass(COURIER_REPORT_EVERY_MS)
  watch(failing().post(Uint8Array.of(1)))
  await platform.clock.pass(100)
  expect(told()).toBe(2)
})
