// Couriers, and the backlog behind them, when a receiver does not answer.
import { expect, test } from 'vitest'
import { Courier } from '../../actors/courier.ts'
import { STORED } from '../../actors/leaf/outcome.ts'
import { Topic } from '../../actors/topic/topic.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
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

test('what is still to go when a receiver is given up goes behind the backlog, in order', async () => {
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
  expect(published.map(({ value }) => value()?.[0])).toEqual([STORED, STORED, STORED, STORED])
  expect(got).toEqual(['1', '2', '3', '4'])
})
