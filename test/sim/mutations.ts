// Bugs to order: each breaks a promise on purpose, by a patch of the real code in memory, so that the checkers are seen to
// see. The simulator that misses one of these would miss the like.
import { Courier } from '../../actors/courier.ts'
import { Device } from '../../actors/device/device.ts'
import { Registrar } from '../../actors/device/registrar.ts'
import { Seen } from '../../actors/device/seen.ts'
import { SessionStore } from '../../actors/device/session-store.ts'
import { Home } from '../../actors/leaf/home.ts'
import { Interests } from '../../actors/leaf/interests.ts'
import { Leaf } from '../../actors/leaf/leaf.ts'
import { Received } from '../../actors/leaf/received.ts'
import { Retained } from '../../actors/leaf/retained.ts'
import { Shadows } from '../../actors/leaf/shadows.ts'
import { Sharing } from '../../actors/leaf/sharing.ts'
import type { Platform } from '../../actors/platform.ts'
import { Outbox } from '../../actors/uplink/outbox.ts'
import { Relay } from '../../k8s-core/relay.ts'
import type { Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import { SHADOW_SEEDS_FROM } from './scenario.ts'
import type { Broken } from './world.ts'

export interface Mutation {
  readonly what: string
  /** What the checkers may call it. */
  readonly breaks: readonly Broken[]
  /** The seed before the first that is tried. Few worlds are cut off and undisturbed else. */
  readonly after?: number
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
    what: 'a courier sends what failed after what came since',
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
        Device.prototype,
        'closeLive',
        (close) =>
          function (reason) {
            if (reason !== Reason.SessionTakenOver) close.call(this, reason)
          },
      ),
  },
  {
    what: 'the home forgets which regions are interested',
    breaks: ['durable', 'subscribed'],
    apply: () => replace(Interests.prototype, 'add', () => () => false),
  },
  {
    what: 'a moved session is let go without a fence',
    breaks: ['durable'],
    apply: () => replace(Registrar.prototype, 'fence', () => () => Promise.resolve()),
  },
  {
    what: 'a leaf asks the core before it takes a message',
    breaks: ['cut off'],
    after: 200,
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
    apply: () => {
      const undo = [
        replace(Received.prototype, 'last', () => () => null),
        replace(Seen.prototype, 'keep', () => () => undefined),
        replace(Seen.prototype, 'remember', () => () => undefined),
      ]
      return () => {
        for (const one of undo) one()
      }
    },
  },
  {
    what: 'a message of a group goes to two members',
    breaks: ['shared', 'repeated'],
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
    what: 'a home leaves its shadows behind',
    breaks: ['durable'],
    after: SHADOW_SEEDS_FROM,
    apply: () => replace(Shadows.prototype, 'all', () => () => []),
  },
  {
    what: 'the home does not keep what is retained',
    breaks: ['retained'],
    apply: () => replace(Retained.prototype, 'keep', () => () => Reason.Success),
  },
]
