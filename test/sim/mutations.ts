// Bugs to order: each breaks a promise on purpose, by a patch of the real code in memory, so that the checkers are seen to
// see. The simulator that misses one of these would miss the like.
import { Courier } from '../../actors/calls/courier.ts'
import { Live } from '../../actors/device/connection/live.ts'
import { DeviceFacts } from '../../actors/device/explain/device-facts.ts'
import { Handover } from '../../actors/device/handover/handover.ts'
import { Presence } from '../../actors/device/presence/presence.ts'
import { LastWill } from '../../actors/device/session/last-will.ts'
import { Registrar } from '../../actors/device/session/registrar.ts'
import { SeenOrigins } from '../../actors/device/session/seen-origins.ts'
import { SessionExpiry } from '../../actors/device/session/session-expiry.ts'
import { SessionStore } from '../../actors/device/session/session-store.ts'
import { ShadowStore } from '../../actors/device/shadow/shadow-store.ts'
import { Shadows } from '../../actors/device/shadow/shadows.ts'
import { Sharing } from '../../actors/leaf/delivery/sharing.ts'
import { OutgoingPages } from '../../actors/leaf/handover/outgoing-pages.ts'
import { StagedState } from '../../actors/leaf/handover/staged-state.ts'
import { Home } from '../../actors/leaf/home/home.ts'
import { Interests } from '../../actors/leaf/interest/interests.ts'
import { Leaf } from '../../actors/leaf/leaf.ts'
import { ReceivedEnvelopes } from '../../actors/leaf/links/received-envelopes.ts'
import { Retained } from '../../actors/leaf/stages/retained.ts'
import { StoreSync } from '../../actors/leaf/sync/store-sync.ts'
import { MemoryBudget } from '../../actors/memory-budget.ts'
import type { Platform } from '../../actors/platform.ts'
import { Outbox } from '../../actors/uplink/outbox.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { SqliteStates } from '../../k8s-core/store/sqlite-state.ts'
import type { Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import type { Effect } from '../../src/session/effect.ts'
import type { SessionInput } from '../../src/session/input.ts'

import { Session } from '../../src/session/session.ts'
import type { FaultKind } from './faults.ts'
import {
  DROP_SEEDS_FROM,
  FULL_SEEDS_FROM,
  PRESENCE_SEEDS_FROM,
  RESTORED_SEEDS_FROM,
  RETAINED_SEEDS_FROM,
  SHADOW_SEEDS_FROM,
  SHORT_SEEDS_FROM,
} from './scenario.ts'
import type { Broken } from './world.ts'

export interface Mutation {
  readonly what: string
  /** What the checkers may call it. */
  readonly breaks: readonly Broken[]
  /** What goes wrong, instead of what each seed says, where few seeds would show it. */
  readonly kinds?: readonly FaultKind[]
  /** The first seed, where not all do what it takes. */
  readonly from?: number
  /** @returns takes it back */
  apply(): () => void
}

type Method = (this: object, ...parameters: unknown[]) => unknown

/** Puts another method in the place of one of a class, private ones too. */
function replace(owner: object, name: string, make: (original: Method) => Method): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name)
  if (before === undefined) throw new Error(`there is no ${name} to replace`)
  const original = (before.value ?? before.get) as Method
  const changed = make(original)
  Object.defineProperty(
    owner,
    name,
    before.get === undefined ? { ...before, value: changed } : { ...before, get: changed },
  )
  return () => Object.defineProperty(owner, name, before)
}

/** Takes all of them back. */
function all(...undo: (() => void)[]): () => void {
  return () => {
    for (const one of undo) one()
  }
}

/** Regions are lost for longer than a fail-over takes, and clients go on elsewhere. */
const FAIL_OVER: readonly FaultKind[] = ['roam', 'client drops', 'region losses']

export const MUTATIONS: readonly Mutation[] = [
  {
    what: 'a session acknowledges what it has not stored',
    breaks: ['durable'],
    apply: () => replace(SessionStore.prototype, 'enqueue', () => () => undefined),
  },
  {
    what: 'the outbox is not read after the process died',
    breaks: ['durable', 'subscribed', 'shared'],
    apply: () => replace(Outbox.prototype, 'all', () => () => []),
  },
  {
    what: 'the core acknowledges before it has delivered',
    breaks: ['durable', 'subscribed', 'shared'],
    apply: () =>
      replace(
        Relay.prototype,
        'pass',
        (pass) =>
          function (from, envelopes) {
            void (pass.call(this, from, envelopes) as Promise<unknown>).catch(() => undefined)
            return Promise.resolve((envelopes as Envelope[]).map(() => ({ status: 'done', outcomes: [] })))
          },
      ),
  },
  {
    what: 'a home goes on after it was handed over',
    breaks: ['one home'],
    apply: () => replace(Home.prototype, 'handedOver', () => () => undefined),
  },
  {
    what: 'a courier reverses what it carries together',
    breaks: ['one order'],
    apply: () =>
      replace(
        Courier.prototype,
        'flush',
        (flush) =>
          function () {
            ;(this as { pending: unknown[] }).pending.reverse()
            flush.call(this)
          },
      ),
  },
  {
    what: 'a courier sends failed records after newer ones',
    breaks: ['one order'],
    apply: () =>
      replace(
        Courier.prototype,
        'recover',
        (recover) =>
          function () {
            recover.call(this)
            ;(this as { failures: unknown[] }).failures = []
            ;(this as unknown as { plan(): void }).plan()
          },
      ),
  },
  {
    what: 'a session that is taken over keeps its old connection',
    breaks: ['one connection'],
    apply: () =>
      replace(
        Live.prototype,
        'close',
        (close) =>
          function (reason, said) {
            if (reason !== Reason.SessionTakenOver) close.call(this, reason, said)
          },
      ),
  },
  {
    what: 'the home forgets which regions are interested',
    breaks: ['durable', 'subscribed'],
    apply: () => replace(Interests.prototype, 'add', () => () => false),
  },
  {
    what: 'a moved session is released without a fence',
    breaks: ['durable'],
    kinds: ['roam', 'core losses', 'core repeats'],
    apply: () => replace(Registrar.prototype, 'fence', () => () => Promise.resolve()),
  },
  {
    what: 'a leaf asks the core before it takes a message',
    breaks: ['cut off'],
    kinds: ['partitions'],
    apply: () =>
      replace(
        Leaf.prototype,
        'publish',
        (publish) =>
          async function (...given) {
            const { platform, root } = this as unknown as { platform: Platform; root: Root }
            await platform.core.resolve({ fleet: platform.fleet, root, region: platform.region })
            return publish.apply(this, given)
          },
      ),
  },
  {
    // Either alone keeps a QoS 2 message from coming twice.
    what: 'neither an envelope nor a delivery that comes again is recognised',
    breaks: ['exactly once'],
    kinds: ['core losses', 'core repeats'],
    apply: () =>
      all(
        replace(ReceivedEnvelopes.prototype, 'last', () => () => null),
        replace(SeenOrigins.prototype, 'keep', () => () => undefined),
        replace(SeenOrigins.prototype, 'remember', () => () => undefined),
      ),
  },
  {
    what: 'a message of a group goes to two members',
    breaks: ['shared', 'repeated'],
    kinds: [],
    apply: () =>
      replace(
        Sharing.prototype,
        'give',
        (give) =>
          function (...given) {
            void give.apply(this, given)
            return give.apply(this, given)
          },
      ),
  },
  {
    what: 'a home does not hand its shadows over',
    breaks: ['durable'],
    from: SHADOW_SEEDS_FROM,
    apply: () =>
      replace(
        ShadowStore.prototype,
        'import',
        (take) =>
          function (_rows, own) {
            return take.call(this, [], own)
          },
      ),
  },
  {
    what: 'shadow changes of a lost home are not applied',
    breaks: ['durable'],
    kinds: FAIL_OVER,
    from: SHADOW_SEEDS_FROM,
    apply: () => replace(Shadows.prototype, 'importRest', () => () => Promise.resolve()),
  },
  {
    what: 'an alarm does not sync what was marked when the process died',
    breaks: ['synced'],
    from: SHADOW_SEEDS_FROM,
    apply: () => replace(StoreSync.prototype, 'alarm', () => () => Promise.resolve()),
  },
  {
    what: 'the home does not store retained messages',
    breaks: ['retained'],
    apply: () => replace(Retained.prototype, 'keep', () => () => Reason.Success),
  },
  {
    what: 'retained messages that were not synced are forgotten in a fail-over',
    breaks: ['retained'],
    kinds: FAIL_OVER,
    from: RETAINED_SEEDS_FROM,
    apply: () => replace(Retained.prototype, 'unsynced', () => () => []),
  },
  {
    what: 'a session whose queue is full acknowledges messages that it does not accept',
    breaks: ['durable', 'subscribed', 'shared'],
    from: FULL_SEEDS_FROM,
    apply: () =>
      replace(
        Session.prototype,
        'step',
        (step) =>
          function (input) {
            const effects = step.call(this, input) as Effect[]
            return effects.map((effect) =>
              effect.do === 'outcome' && effect.outcome === 'queue-full'
                ? { ...effect, outcome: 'accepted' }
                : effect,
            )
          },
      ),
  },
  {
    what: 'a full queue drops its oldest and counts nothing',
    breaks: ['durable', 'subscribed', 'shared'],
    from: DROP_SEEDS_FROM,
    apply: () => replace(DeviceFacts.prototype, 'queueDropped', () => () => undefined),
  },
  {
    what: 'a session whose queue is full refuses what was acknowledged before',
    breaks: ['durable', 'subscribed', 'shared'],
    from: FULL_SEEDS_FROM,
    apply: () =>
      replace(
        Session.prototype,
        'step',
        (step) =>
          function (given) {
            const input = given as SessionInput
            if (input.type !== 'delivery') return step.call(this, input)
            const { acknowledged: _, ...message } = input.delivery.message
            return step.call(this, { ...input, delivery: { ...input.delivery, message } })
          },
      ),
  },
  {
    what: 'presence events that may not have arrived when a home is handed over, or lost, are not published again',
    breaks: ['presence'],
    kinds: [...FAIL_OVER, 'edge losses', 'partitions'],
    from: PRESENCE_SEEDS_FROM,
    apply: () => replace(Presence.prototype, 'open', () => () => []),
  },
  {
    what: 'a home syncs nothing to the store',
    breaks: ['durable'],
    kinds: FAIL_OVER,
    apply: () => replace(StoreSync.prototype, 'plan', () => () => undefined),
  },
  {
    what: 'a directory that has gone back does not learn of a newer home',
    breaks: ['one home', 'durable', 'error'],
    from: RESTORED_SEEDS_FROM,
    apply: () => replace(Home.prototype, 'newest', () => () => null),
  },
  {
    what: 'a lost home does not learn of its successor',
    breaks: ['one home', 'one connection'],
    kinds: FAIL_OVER,
    apply: () =>
      replace(
        Leaf.prototype,
        'handOver',
        (handOver) =>
          function (to, epoch, lost) {
            if (lost !== true) handOver.call(this, to, epoch, lost)
          },
      ),
  },
  {
    what: 'a session whose time is over is ended in a lost region before that has asked who has it',
    breaks: ['durable', 'shared'],
    kinds: FAIL_OVER,
    from: SHORT_SEEDS_FROM,
    apply: () =>
      replace(
        SessionExpiry.prototype,
        'mayEnd',
        () =>
          function (session) {
            return SessionExpiry.prototype.isOver.call(this as SessionExpiry, session as Session)
          },
      ),
  },
  {
    what: 'a will of before a fail-over is published when the lost region is back',
    breaks: ['will'],
    kinds: FAIL_OVER,
    apply: () =>
      replace(
        LastWill.prototype,
        'ask',
        () =>
          function (sessionEnded) {
            ;(this as unknown as { confirmed: boolean }).confirmed = true
            LastWill.prototype.publishIfDue.call(this as LastWill, sessionEnded as boolean)
          },
      ),
  },
  {
    what: 'the remainder of a lost home is not imported',
    breaks: ['durable', 'shared'],
    kinds: FAIL_OVER,
    apply: () => replace(Handover.prototype, 'importRest', () => () => Promise.resolve()),
  },
  {
    what: 'what changes at a home while its state is copied is forgotten',
    breaks: ['durable', 'subscribed', 'retained'],
    kinds: ['roam'],
    apply: () => replace(OutgoingPages.prototype, 'note', () => () => undefined),
  },
  {
    what: 'a page of a state that moves is lost',
    breaks: ['durable', 'subscribed', 'retained'],
    kinds: ['roam'],
    apply: () =>
      replace(
        StagedState.prototype,
        'add',
        (add) =>
          function (state, page) {
            return add.call(this, { ...(state as object), retained: [], session: null }, page)
          },
      ),
  },
  {
    what: 'an actor does not release the memory of a message that its receiver has',
    breaks: ['memory'],
    apply: () => replace(MemoryBudget.prototype, 'release', () => () => undefined),
  },
  {
    what: 'an actor holds messages without looking for memory',
    breaks: ['memory'],
    from: FULL_SEEDS_FROM,
    apply: () =>
      replace(
        MemoryBudget.prototype,
        'hold',
        (hold) =>
          function (record) {
            const { messages } = this as MemoryBudget
            if (hold.call(this, record) !== true) messages.set(messages.bytes + (record as Uint8Array).length)
            return true
          },
      ),
  },
  {
    // Either alone keeps it back.
    what: 'a message that has expired is sent all the same',
    breaks: ['expiry'],
    apply: () =>
      all(
        replace(
          Session.prototype,
          'step',
          (step) =>
            function (given) {
              const input = given as SessionInput
              return step.call(this, input.type === 'refill' ? { ...input, now: 0 } : input)
            },
        ),
        replace(
          Live.prototype,
          'publish',
          (publish) =>
            function (delivery, packetId, dup) {
              return publish.call(this, delivery, packetId, dup, 0)
            },
        ),
      ),
  },
  {
    what: 'a home begins from the store by a clock that is two minutes ahead of the store’s',
    breaks: ['expiry'],
    kinds: FAIL_OVER,
    apply: () =>
      replace(
        SqliteStates.prototype,
        'take',
        (take) =>
          function (fleet, root, epoch, now) {
            return take.call(this, fleet, root, epoch, Number(now) + 120_000)
          },
      ),
  },
]
