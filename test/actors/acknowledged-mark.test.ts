// What was acknowledged because somebody had stored it, and then meets a queue that is full: it is taken all the same.

import { expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { SeenOrigins } from '../../actors/device/session/seen-origins.ts'
import { UPLINK_RETRY_MS_MAX } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import { Uplink } from '../../actors/uplink/uplink.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { EnvelopesRequest, EnvelopesResponse } from '../../src/relay/envelope.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
import { decodeDelivery, encodeDelivery } from '../../src/session/delivery.ts'
import { Session } from '../../src/session/session.ts'
import { delivery } from '../session/actor.ts'
import { deliveryOf, startOf } from '../session/packets.ts'
import { fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  EU,
  LAMP,
  ROOM,
  record,
  routed,
  subscriptionTo,
  textOf,
  US,
  watch,
} from './samples.ts'

const HOME = { kind: 'home' } as const
const refuse = async (): Promise<EnvelopesResponse> => done(Reason.QuotaExceeded)
const fail = async (): Promise<EnvelopesResponse> => done(Reason.UnspecifiedError)

function done(outcome: number): EnvelopesResponse {
  return { results: [{ status: 'done', outcomes: [outcome] }] }
}

/** An uplink that sends one message; the core answers as these say, in turn, and then that it is delivered. */
async function sent(...answers: (() => Promise<EnvelopesResponse>)[]) {
  const asked: EnvelopesRequest[] = []
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), {
    core: fakeCore(EU, {
      envelopes: (request) => {
        asked.push(request)
        return answers.shift()?.() ?? Promise.resolve(done(Reason.Success))
      },
    }),
  })
  const uplink = new Uplink(platform)
  const outcomes = watch(uplink.send(ROOM, HOME, US, packBatch([routed('rooms/1/a', 'x')])))
  await platform.clock.pass(2_000)
  return {
    platform,
    outcomes,
    /** How each try was marked, and how it was named. */
    tries: () =>
      asked.flatMap(({ envelopes }) =>
        envelopes.map(({ records, source, first }) => {
          const [bytes = new Uint8Array()] = unpackBatch(records)
          return [decodeMessage(decodeRouted(bytes).record).acknowledged, `${source} ${first}`] as const
        }),
      ),
    waiting: () => platform.storage.exec('SELECT * FROM outbox').length,
  }
}

test('what an outbox sends is marked as acknowledged', async () => {
  const { platform, outcomes, tries, waiting } = await sent(async () => {
    throw new CoreUnreachable('not now')
  })
  await platform.clock.pass(UPLINK_RETRY_MS_MAX)
  expect(outcomes.value()).toEqual(Uint8Array.of(Outcome.Stored))
  expect(tries().map(([acknowledged]) => acknowledged)).toEqual([undefined, 'new'])
  expect(waiting()).toBe(0)
})

test('what was acknowledged while its first try was under way, and is refused then, goes once more, marked as acknowledged', async () => {
  const first = held<EnvelopesResponse>()
  const { platform, outcomes, tries, waiting } = await sent(() => first.answer)
  expect(outcomes.value()).toEqual(Uint8Array.of(Outcome.Stored))
  first.give(done(Reason.QuotaExceeded))
  await platform.clock.pass(UPLINK_RETRY_MS_MAX)
  expect(tries().map(([acknowledged]) => acknowledged)).toEqual([undefined, 'again'])
  expect(new Set(tries().map(([, name]) => name)).size).toBe(2)
  expect(waiting()).toBe(0)
})

test('what is refused although it is marked as acknowledged is dropped, and reported', async () => {
  const first = held<EnvelopesResponse>()
  const { platform, tries, waiting } = await sent(() => first.answer, refuse)
  first.give(done(Reason.QuotaExceeded))
  await platform.clock.pass(UPLINK_RETRY_MS_MAX)
  expect(tries()).toHaveLength(2)
  expect(waiting()).toBe(0)
  expect(platform.reports.map(({ what }) => what).join()).toContain('was refused and is lost')
})

test('what is acknowledged, and an actor on its way failed for, goes again until none does, and not at once', async () => {
  const first = held<EnvelopesResponse>()
  const { platform, outcomes, tries, waiting } = await sent(() => first.answer, fail, fail)
  expect(outcomes.value()).toEqual(Uint8Array.of(Outcome.Stored))
  first.give(await fail())
  await platform.clock.settled()
  expect(tries()).toHaveLength(1)
  await platform.clock.pass(3 * UPLINK_RETRY_MS_MAX)
  expect(tries().map(([acknowledged]) => acknowledged)).toEqual([undefined, 'again', 'again', 'again'])
  // Under one name it would have the outcome that it had.
  expect(new Set(tries().map(([, name]) => name)).size).toBe(4)
  expect(waiting()).toBe(0)
  expect(platform.reports).toEqual([])
})

test('a sender that waits for its answer learns that an actor failed', async () => {
  const { outcomes, tries } = await sent(fail)
  expect(outcomes.value()).toEqual(Uint8Array.of(Reason.UnspecifiedError))
  expect(tries()).toHaveLength(1)
})

test('a sender that waits for its answer learns that its message was refused', async () => {
  const { outcomes, tries } = await sent(refuse)
  expect(outcomes.value()).toEqual(Uint8Array.of(Reason.QuotaExceeded))
  expect(tries()).toHaveLength(1)
})

test('a backlog delivers its messages marked as acknowledged', async () => {
  const got: string[] = []
  let answers = false
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({
      device: () => ({
        deliver: async (_, batch) => {
          if (!answers) throw new Error('no answer')
          const deliveries = unpackBatch(batch).map((bytes) => decodeDelivery(bytes).message)
          got.push(...deliveries.map(({ payload, acknowledged }) => `${textOf(payload)} ${acknowledged}`))
          return new Uint8Array(deliveries.length)
        },
      }),
    }),
  })
  const { leaf } = new Topic(platform, ROOM)
  await leaf.subscribe(APP, 'session of app', [subscriptionTo('rooms/1/#')])
  const outcomes = watch(leaf.publish(LAMP, [record('rooms/1/a', 'x')]))
  await platform.clock.pass(1_000)
  expect(outcomes.value()).toEqual(Uint8Array.of(Outcome.Stored))
  answers = true
  platform.alarmWent()
  await leaf.alarm()
  expect(got).toEqual(['x new'])
})

test('a session whose queue is full and refuses accepts acknowledged messages, and refuses the rest', () => {
  const session = new Session(startOf({ expirySeconds: 60, queue: { messagesMax: 1, whenFull: 'refuse' } }))
  const give = (topic: string, acknowledged?: 'new') => {
    const one = delivery(topic)
    const message = acknowledged === undefined ? one.message : { ...one.message, acknowledged }
    return session.step(deliveryOf({ ...one, message }, 7))
  }
  expect(give('a')).toMatchObject([{ do: 'store' }])
  expect(give('b')).toEqual([{ do: 'outcome', number: 7, outcome: 'queue-full' }])
  expect(give('c', 'new')).toMatchObject([{ do: 'store' }])
})

test('an acknowledged message does not share the refusal of its earlier copy', async () => {
  const seen = new SeenOrigins(new FakePlatform(addressOf('device', EU, LAMP)).storage)
  const message = { ...decodeMessage(record('devices/lamp/cmd', 'x')), qos: 2 as const, origin: 'n1' }
  const bytes = (acknowledged?: 'new') =>
    encodeDelivery({
      qos: 2,
      retain: false,
      identifiers: [],
      share: null,
      message: acknowledged === undefined ? message : { ...message, acknowledged },
    })
  const settles: ((outcome: Outcome) => void)[] = []
  const once = (acknowledged?: 'new') =>
    watch(seen.once(bytes(acknowledged), (_, settle) => settles.push(settle)))
  const [first, repeated, acknowledged] = [once(), once(), once('new')]
  settles[0]?.(Reason.QuotaExceeded)
  await new Promise((done) => setImmediate(done))
  expect([first.value(), repeated.value(), acknowledged.state()]).toEqual([
    Reason.QuotaExceeded,
    Reason.QuotaExceeded,
    'open',
  ])
  settles[1]?.(Outcome.Stored)
  await new Promise((done) => setImmediate(done))
  expect([acknowledged.value(), settles.length]).toEqual([Outcome.Stored, 2])
})
