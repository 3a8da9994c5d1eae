// What comes from a region whose clock is minutes ahead or behind: what is left of its time is what counts.
import { describe, expect, test } from 'vitest'
import { remainderByOurClock, stateByOurClock } from '../../actors/calls/other-clock.ts'
import { Gate } from '../../actors/device/admission/gate.ts'
import { Topic } from '../../actors/topic/topic.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { ALL_IMPORTED, type SessionState } from '../../src/relay/home.ts'
import { encodeRouted, type ShareTurn } from '../../src/relay/routed.ts'
import { decodeDelivery, encodeDelivery } from '../../src/session/delivery.ts'
import { FakeClock } from './fake-clock.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  connectFrame,
  EU,
  LAMP,
  message,
  packetsTo,
  ROOM,
  record,
  sessionState,
  subscriptionTo,
  US,
  watch,
} from './samples.ts'

const MINUTE = 60_000
const APART = [-10 * MINUTE, -5 * MINUTE, 0, 5 * MINUTE, 10 * MINUTE]

function sessionOf(disconnectedAt: number, queue: SessionState['queue'] = []): SessionState {
  return sessionState([], { expirySeconds: 600, disconnectedAt, lastPosition: queue.length, queue })
}

describe.each(APART)('from a region that is %s ms ahead', (aheadMs) => {
  test.each([null, { share: '$share/g/rooms/1/#', mode: 'keep', without: [EU] } as ShareTurn])(
    'a message expires when its time is over, with the turn %j',
    async (turn) => {
      const expiries: number[] = []
      const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
        peers: fakePeers({
          device: () => ({
            deliver: async (_, batch) => {
              const all = unpackBatch(batch).map(decodeDelivery)
              expiries.push(...all.map((one) => one.message.expiresAt))
              return new Uint8Array(all.length)
            },
          }),
        }),
      })
      const { leaf } = new Topic(platform, ROOM)
      await leaf.subscribe(APP, 'session of app', [subscriptionTo(turn?.share ?? 'rooms/1/#')])
      const clock = platform.now() + aheadMs
      const records = [record('rooms/1/a', 'x', { expiresAt: clock + MINUTE }), record('rooms/1/a', 'y')]
      watch(
        leaf.receive(
          {
            fleet: DEFAULT_FLEET,
            root: ROOM,
            to: { kind: 'region', region: EU, epoch: 1 },
            source: 's',
            first: 0,
            clock,
            records: packBatch(records.map((one) => encodeRouted(LAMP, one, turn))),
          },
          1,
        ),
      )
      await platform.clock.pass(10)
      expect(expiries).toEqual([platform.now() - 10 + MINUTE, 0])
    },
  )

  test('so does a retained one', async () => {
    const clock = new FakeClock()
    const theirs = clock.now + aheadMs
    const kept = record('rooms/1/a', 'x', { retain: true, expiresAt: theirs + MINUTE })
    const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
      clock,
      core: fakeCore(US, {
        interest: async ({ order }) => ({
          home: { region: US, epoch: 1 },
          order,
          clock: theirs,
          retained: [{ topic: 'rooms/1/a', record: kept }],
        }),
      }),
    })
    const { leaf } = new Topic(platform, ROOM)
    const { retained } = await leaf.subscribe(APP, 's', [subscriptionTo('rooms/1/#')])
    const [only] = unpackBatch(retained).map(decodeDelivery)
    expect(only?.message.expiresAt).toBe(clock.now + MINUTE)
  })

  test.each([
    [590, true],
    [610, false],
  ])(
    'a session of ten minutes that ended there %s seconds ago: still there is %s',
    async (seconds, there) => {
      const clock = new FakeClock()
      const theirs = clock.now + aheadMs
      const session = sessionOf(theirs - seconds * 1_000)
      const platform = new FakePlatform(addressOf('device', US, LAMP), {
        clock,
        core: fakeCore(US, {
          claim: async () => ({
            home: { region: US, epoch: 2 },
            state: { session, clock: theirs, retained: [], interests: [], presence: [], shadows: [] },
            synced: false,
          }),
        }),
      })
      const gate = new Gate(platform, LAMP)
      const connection = platform.accept()
      gate.opened(connection, true)
      watch(gate.frame(connection, connectFrame(600)))
      await clock.pass(100)
      expect(packetsTo(connection)).toMatchObject([{ cmd: 'connack', reasonCode: 0, sessionPresent: there }])
    },
  )

  test('an expiry that moves with a client, or with a remainder, has as long as it had there', () => {
    const now = 1_700_000_000_000
    const clock = now + aheadMs
    const one = message('devices/lamp/x', 'x', { expiresAt: clock + MINUTE })
    const share = { filter: '$share/g/x', waits: true }
    const delivery = encodeDelivery({ qos: 1, retain: false, identifiers: [1, 2], share, message: one })
    const kept = {
      topic: one.topic,
      record: record(one.topic, 'x', { expiresAt: clock + MINUTE }),
    }
    const state = stateByOurClock(
      {
        session: sessionOf(0, [{ position: 1, delivery: delivery }]),
        clock,
        retained: [kept],
        interests: [],
        shadows: [],
        presence: [],
      },
      now,
    )
    const late = remainderByOurClock(
      {
        ...ALL_IMPORTED,
        clock,
        late: packBatch([delivery.slice()]),
        retained: [
          { ...kept, epoch: 1 },
          { topic: 'gone', record: null, epoch: 1 },
        ],
      },
      now,
    )
    const moved = [...(state.session?.queue ?? []).map((row) => row.delivery), ...unpackBatch(late.late)]
    expect(moved.map((bytes) => decodeDelivery(bytes))).toEqual(
      moved.map(() => ({
        ...decodeDelivery(delivery),
        message: { ...decodeDelivery(delivery).message, expiresAt: now + MINUTE },
      })),
    )
    for (const one of [...state.retained, ...late.retained])
      if (one.record !== null) expect(decodeMessage(one.record).expiresAt).toBe(now + MINUTE)
    // It is connected.
    expect(state.session?.disconnectedAt).toBe(0)
  })
})
