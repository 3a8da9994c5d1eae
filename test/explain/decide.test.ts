// Each cause of `explain`, from facts alone.
import { describe, expect, test } from 'vitest'
import { decide } from '../../src/explain/decide.ts'
import { CAUSES, type Cause, type Verdict } from '../../src/explain/explanation.ts'
import { World } from '../../src/explain/world.ts'
import type { Fate } from '../../src/relay/explain.ts'
import {
  APP,
  type Changes,
  EU,
  gathered,
  LAMP,
  lane,
  MATCHING,
  PASSED,
  type Session,
  US,
} from './gathered.ts'

const received = (fate: Fate, qos: 0 | 1 | 2 = 1) => ({
  received: [{ ageMs: 4_990, qos, trace: null, fate }],
})
const queue = (more: Partial<Session['queue']>) => ({
  queue: { messages: 3, bytes: 60, full: false, ofTopic: 1, expired: 0, ...more },
})
const AWAY = { connected: false, disconnectedMs: 30_000, window: null }
const FULL = { window: { size: 2, free: 0, inFlight: 2 } }
const byApp = { asked: { publisher: APP } }
const refusedWith = (reason: number): Changes => ({
  ...byApp,
  publisher: { published: [{ ageMs: 5_000, qos: 1, trace: null, reason }] },
  leaf: { passed: [] },
})
const WIDE = { ...MATCHING, filter: 'rooms/+/light' }
const SHARED = { ...MATCHING, filter: '$share/g/rooms/1/#' }

const CASES: readonly (readonly [string, Changes, Verdict, Cause, RegExp?])[] = [
  [
    'acknowledged',
    { receiver: received('acknowledged') },
    'delivered',
    'acknowledged',
    /lamp acknowledged it/,
  ],
  [
    'stored, and gone from the queue',
    { receiver: received('stored') },
    'delivered',
    'acknowledged',
    /was stored/,
  ],
  ['QoS 0 on the connection', { receiver: received('sent', 0) }, 'delivered', 'sent-qos-0'],
  [
    'sent in a session that ends with its connection',
    { receiver: received('sent') },
    'delivered',
    'sent-unconfirmed',
  ],
  [
    'acknowledged on a connection that took over',
    { receiver: { ...received('acknowledged'), takenOverMs: 8_000 } },
    'delivered',
    'taken-over',
    /took over lamp's session 8\.0 s ago/,
  ],
  [
    'a connection that was taken over later',
    { receiver: { ...received('acknowledged'), takenOverMs: 1_000 } },
    'delivered',
    'acknowledged',
  ],
  ['in flight', { receiver: received('open') }, 'waiting', 'not-acknowledged'],
  [
    'stored, connected and in the queue',
    { receiver: received('stored'), session: queue({}) },
    'waiting',
    'not-acknowledged',
  ],
  [
    'behind a full window',
    { receiver: received('open'), session: FULL },
    'waiting',
    'receive-maximum',
    /has 2 messages/,
  ],
  ['stored behind a full window', { session: { ...FULL, ...queue({}) } }, 'waiting', 'receive-maximum'],
  [
    'in the queue of a client that is away',
    { receiver: received('stored'), session: { ...AWAY, ...queue({}) } },
    'waiting',
    'offline-queued',
    /away since 30 s; its session waits, and holds 1 of this topic among 3 messages/,
  ],
  [
    'in that queue, and nobody remembers',
    { session: { ...AWAY, ...queue({}) } },
    'waiting',
    'offline-queued',
  ],
  [
    'expired in the queue',
    { session: { ...AWAY, ...queue({ ofTopic: 2, expired: 2 }) } },
    'dropped',
    'expired',
    /2 messages/,
  ],
  ['expired in the queue, remembered', { receiver: received('expired') }, 'dropped', 'expired'],
  [
    'expired, and written down',
    { receiver: { lost: [{ why: 'expired', messages: 3, ageMs: 2_000 }] } },
    'dropped',
    'expired',
    /3 messages of this topic, the last 2\.0 s ago/,
  ],
  ['too large', { receiver: received('too-large') }, 'dropped', 'too-large', /of 1000 bytes/],
  [
    'too large, and written down',
    { receiver: { lost: [{ why: 'too-large', messages: 1, ageMs: 4_000 }] } },
    'dropped',
    'too-large',
  ],
  ['QoS 0 to a client that was away', { receiver: received('away', 0) }, 'dropped', 'qos-0-away'],
  [
    'QoS 0 to a client that is away',
    { leaf: { passed: [{ ...PASSED, qos: 0 }] }, session: AWAY },
    'dropped',
    'qos-0-away',
  ],
  [
    'a full queue that dropped its oldest',
    { receiver: { lost: [{ why: 'queue-full', messages: 5, ageMs: 4_000 }] } },
    'dropped',
    'queue-full',
    /5 messages of this topic/,
  ],
  ['a queue that refused it', { receiver: received('queue-full') }, 'refused', 'queue-full'],
  [
    '0x97 and a full queue',
    { ...refusedWith(0x97), session: queue({ full: true }) },
    'refused',
    'queue-full',
    /0x97/,
  ],
  [
    '0x97 and a full outbox',
    { ...refusedWith(0x97), lanesInUs: [lane({ full: true })] },
    'refused',
    'outbox-full',
    /^us holds/,
  ],
  ['another refusal', refusedWith(0x83), 'refused', 'publish-refused', /0x83/],
  ['0x87', refusedWith(0x87), 'refused', 'not-authorized'],
  ['a topic of the server', { asked: { topic: '$SYS/x' } }, 'refused', 'not-authorized', /0x87/],
  [
    'presence, by a client',
    { asked: { topic: 'presence/lamp', publisher: APP } },
    'refused',
    'not-authorized',
  ],
  [
    'a root that is too long',
    { asked: { topic: `rooms/${'x'.repeat(1_000)}/a` } },
    'refused',
    'topic-invalid',
  ],
  [
    'a client that nobody knows',
    { receiver: { session: null, presence: null }, receiverHome: null },
    'never-sent',
    'never-connected',
  ],
  ['no session any more', { receiver: { session: null } }, 'never-sent', 'session-ended'],
  [
    'a session that expired',
    { receiver: { session: null, lost: [{ why: 'session-expired', messages: 0, ageMs: 9_000 }] } },
    'never-sent',
    'session-expired',
    /9\.0 s ago/,
  ],
  [
    'a session that Clean Start ended',
    { session: { matching: [], subscriptions: 0 }, receiver: {} },
    'never-sent',
    'no-subscription',
    /None of lamp's 0 subscriptions/,
  ],
  [
    'no subscription that matches',
    { session: { matching: [], subscriptions: 4 } },
    'never-sent',
    'no-subscription',
    /4 subscriptions/,
  ],
  [
    'No Local',
    { asked: { publisher: LAMP }, session: { matching: [{ ...MATCHING, noLocal: true }] } },
    'never-sent',
    'no-local',
  ],
  [
    'a subscription that its leaf does not have',
    { leaf: { subscribed: [] } },
    'never-sent',
    'subscription-not-registered',
  ],
  [
    'a subscription that is still to be registered',
    { session: { matching: [{ ...MATCHING, registered: false }] } },
    'never-sent',
    'subscription-not-registered',
  ],
  [
    'a wide filter that not all regions know',
    { session: { matching: [WIDE] }, wide: { filters: [{ filter: WIDE.filter, settled: false }] } },
    'never-sent',
    'wide-not-settled',
  ],
  [
    'a wide filter that nobody has',
    { session: { matching: [WIDE] } },
    'never-sent',
    'subscription-not-registered',
  ],
  [
    'a home that does not know the region',
    { topicHome: US },
    'never-sent',
    'interest-not-registered',
    /^us, the home/,
  ],
  [
    'waiting for the home',
    { lanesInUs: [lane({})] },
    'waiting',
    'home-unreachable',
    /the outbox of us holds 2 messages, the oldest for 7\.0 s, not reached since 6\.0 s/,
  ],
  ['on its way to the home', { lanesInUs: [lane({ failingMs: null })] }, 'waiting', 'on-its-way'],
  [
    'on its way from the home',
    {
      topicHome: US,
      leafInUs: { interested: [EU], passed: [{ ...PASSED, toReceiver: false, toRegions: [EU] }] },
      lanesInUs: [lane({ kind: 'region', failingMs: null })],
    },
    'waiting',
    'on-its-way',
  ],
  [
    'a home that is silent',
    { topicHome: US, usSilent: true },
    'waiting',
    'home-unreachable',
    /us, the home of/,
  ],
  [
    "a receiver's region that is silent",
    { receiverHome: US, usSilent: true, lanesInEu: [lane({ kind: 'region', region: US })] },
    'waiting',
    'receiver-region-unreachable',
    /the outbox of eu holds 2 messages/,
  ],
  [
    'the same with nothing that waits',
    { receiverHome: US, usSilent: true },
    'unknown',
    'receiver-region-unreachable',
  ],
  [
    'a core that is silent, asked elsewhere',
    { region: US, coreSilent: true, lanesInUs: [lane({})] },
    'waiting',
    'core-unreachable',
  ],
  ['an actor that does not answer', { leaf: { backlogged: true } }, 'waiting', 'receiver-busy'],
  [
    'another member of the group',
    {
      session: { matching: [SHARED] },
      leaf: { subscribed: [SHARED.filter], shares: [{ share: SHARED.filter, members: 2, last: 'other' }] },
    },
    'never-sent',
    'shared-other-member',
    /other got the message/,
  ],
  ['passed on while away', { receiver: received('passed-on') }, 'never-sent', 'shared-other-member'],
  [
    'subscribed after it was published',
    {
      session: { matching: [{ ...MATCHING, ageMs: 1_000 }] },
      leaf: { passed: [{ ...PASSED, toReceiver: false }] },
    },
    'never-sent',
    'subscribed-after',
    /subscribed to 'rooms\/1\/#' after that 1\.0 s ago/,
  ],
  ['a home that began without its predecessor', { receiver: { mayHearLate: true } }, 'waiting', 'fail-over'],
  [
    'a publisher that never connected',
    {
      ...byApp,
      publisher: { connected: false, home: { at: 'unknown', region: null, epoch: 0 }, published: [] },
      leaf: { passed: [] },
    },
    'never-sent',
    'nothing-published',
  ],
  [
    'a publisher that was silent',
    { ...byApp, publisher: { published: [] }, leaf: { passed: [] } },
    'never-sent',
    'nothing-published',
    /app has published nothing/,
  ],
  ['a topic that nobody used', { leaf: { passed: [] }, topicHome: null }, 'never-sent', 'nothing-published'],
  ['a message that nobody remembers the end of', {}, 'unknown', 'not-remembered'],
]

describe('names the cause', () => {
  for (const [name, changes, verdict, cause, words] of CASES)
    test(name, () => {
      const decision = decide(new World(gathered(changes)))
      expect(decision).toMatchObject({ verdict, cause })
      if (words !== undefined) expect(decision.sentence).toMatch(words)
      expect(decision.sentence).toMatch(/^\S.*\.$/)
    })

  test('a Clean Start that ended the session, where that is remembered', () => {
    const lost = [{ why: 'discarded' as const, messages: 2, ageMs: 3_000 }]
    const changes = { session: { matching: [], subscriptions: 0 }, receiver: { lost } }
    expect(decide(new World(gathered(changes)))).toMatchObject({ cause: 'session-discarded' })
  })

  test('a publisher that no region knows', () => {
    const world = gathered({
      ...byApp,
      publisher: { connected: false, home: { at: 'unknown', region: null, epoch: 0 }, published: [] },
      leaf: { passed: [] },
    })
    const nobody = {
      connected: false,
      home: { at: 'unknown' as const, region: null, epoch: 0 },
      presence: null,
    }
    const publisher = { tookMs: 1, problem: null, facts: { ...nobody, memoryMs: 0, published: [] } }
    const unknown = { ...world, here: { ...world.here, publisher } }
    expect(decide(new World(unknown))).toMatchObject({ cause: 'publisher-never-connected' })
  })

  test('every cause has a case', () => {
    const named = new Set<Cause>([
      ...CASES.map(([, , , cause]) => cause),
      'session-discarded',
      'publisher-never-connected',
    ])
    expect(CAUSES.filter((cause) => !named.has(cause))).toEqual([])
  })
})

describe('which message it is about', () => {
  const about = (changes: Changes) => new World(gathered(changes)).publication

  test('what publisher and leaf remember of one message is one', () => {
    expect(about(byApp)).toMatchObject({ publisher: APP, qos: 1, reason: 0, passed: PASSED })
  })

  test('the newest counts', () => {
    const passed = [{ ...PASSED, ageMs: 50_000, publisher: 'old' }, PASSED]
    expect(about({ leaf: { passed } })).toMatchObject({ publisher: 'app', ageMs: 5_000 })
  })

  test('only those of the publisher that is asked about', () => {
    const passed = [PASSED, { ...PASSED, ageMs: 10, publisher: 'another' }]
    expect(about({ ...byApp, leaf: { passed } })).toMatchObject({ publisher: APP })
  })

  test('an older message that arrived says nothing of a newer one', () => {
    const receiver = {
      received: [{ ageMs: 20_000, qos: 1 as const, trace: null, fate: 'acknowledged' as const }],
    }
    expect(decide(new World(gathered({ receiver })))).toMatchObject({ cause: 'not-remembered' })
  })

  test('the region with the highest epoch is the home where the directory does not say', () => {
    const world = new World(gathered({ coreSilent: true }))
    expect([world.receiverHome, world.topicHome]).toEqual([EU, EU])
  })
})
