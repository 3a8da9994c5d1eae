// The parts of a device and how they are tied together: each gets what it needs when it is made.
import type { ClientId } from '../../src/id/ids.ts'
import { rootOfClient } from '../../src/id/root.ts'
import type { Outcome } from '../../src/mqtt/outcome.ts'
import type { ServerPacket } from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import type { SubscribeEffect, UnsubscribeEffect } from '../../src/session/effect.ts'
import type { Session } from '../../src/session/session.ts'
import { Leaf, type LeafActor } from '../leaf/leaf.ts'
import { Marks } from '../leaf/sync/marks.ts'
import type { Connection, Platform } from '../platform.ts'
import { Commands } from './commands/commands.ts'
import { AttachmentWriter } from './connection/attachment-writer.ts'
import { attachedHome, restore } from './connection/restore.ts'
import { checkStalled } from './connection/stalled.ts'
import type { LifeInput, PresencePublishing } from './device-life.ts'
import { DeviceState } from './device-state.ts'
import { DeviceFacts } from './explain/device-facts.ts'
import { Handover } from './handover/handover.ts'
import { Presence } from './presence/presence.ts'
import { GivenRetained } from './replay/given-retained.ts'
import { HistoryReplay } from './replay/history-replay.ts'
import { RetainedReplay } from './replay/retained-replay.ts'
import { EffectPerformer } from './session/effect-performer.ts'
import { LastWill } from './session/last-will.ts'
import { OpenDeliveries } from './session/open-deliveries.ts'
import { PublishRequests } from './session/publish-requests.ts'
import { Publisher } from './session/publisher.ts'
import { Redistribution } from './session/redistribution.ts'
import { Registrar } from './session/registrar.ts'
import { RootBudget } from './session/root-budget.ts'
import { SeenOrigins } from './session/seen-origins.ts'
import { SessionExpiry } from './session/session-expiry.ts'
import { SessionStore } from './session/session-store.ts'
import { SessionWriter } from './session/session-writer.ts'
import { SubscriptionRequests } from './session/subscription-requests.ts'
import { ShadowDeltas } from './shadow/shadow-deltas.ts'
import { Shadows } from './shadow/shadows.ts'

/** Inputs of the device that its parts hand in. */
export interface DeviceInputs {
  /** Deliveries for a session; resolves with an outcome for each. */
  deliver(session: string, deliveries: readonly Uint8Array[]): Promise<Uint8Array>
  /** A delivery of this actor for the current session; resolves with its outcome. */
  deliverOwn(delivery: Delivery): Promise<Outcome>
  closeLive(reason: ReasonCode | null, presence?: PresencePublishing): void
  /** An input of the device's life. */
  input(input: LifeInput): void
  endIfExpired(): void
  /** Sends a packet to the live connection. */
  reply(packet: ServerPacket): void
  subscribe(session: Session, effect: SubscribeEffect): Promise<void>
  unsubscribe(session: Session, effect: UnsubscribeEffect): Promise<void>
}

export class DeviceParts {
  readonly leaf: Leaf
  readonly store: SessionStore
  readonly handover: Handover
  readonly presence: Presence
  readonly publishRequests: PublishRequests
  readonly commands: Commands
  readonly shadows: Shadows
  readonly facts: DeviceFacts
  readonly state: DeviceState
  /** The connection ended with the process, before the session was stored as disconnected. */
  readonly cutOff: boolean
  readonly registrar: Registrar
  readonly subscriptionRequests: SubscriptionRequests
  readonly givenRetained: GivenRetained
  readonly rootBudget: RootBudget
  readonly historyReplay: HistoryReplay
  readonly retainedReplay: RetainedReplay
  readonly shadowDeltas: ShadowDeltas
  readonly will: LastWill
  readonly redistribution: Redistribution
  readonly attachmentWriter: AttachmentWriter
  readonly performer: EffectPerformer
  readonly deliveries: OpenDeliveries
  readonly writer: SessionWriter
  readonly seenOrigins: SeenOrigins
  readonly expiry: SessionExpiry

  constructor(
    platform: Platform,
    client: ClientId,
    connections: readonly Connection[],
    device: DeviceInputs,
  ) {
    const marks = new Marks(platform)
    const store = new SessionStore(platform.storage, marks)
    this.store = store
    const restored = restore(platform, store, connections)
    const state = new DeviceState(restored.session, restored.live)
    this.state = state
    this.cutOff = restored.cutOff

    // The leaf, and the parts of a device that see its messages and move with its home.
    const actor: LeafActor = {
      deliver: (receiver, session, batch) =>
        receiver === client
          ? device.deliver(session, unpackBatch(batch))
          : platform.peers.device(receiver).deliver(session, batch),
      stages: (common) => [this.commands, this.shadows, this.presence, ...common],
      parts: () => [this.handover, this.commands, this.presence, this.shadows],
    }
    this.leaf = new Leaf(platform, rootOfClient(client), actor, marks, attachedHome(connections))
    this.shadows = new Shadows(platform, this.leaf)
    this.presence = new Presence(platform, client, this.leaf)
    this.commands = new Commands(platform, client, this.leaf, this.presence, {
      connected: () => state.live !== null,
      session: () => {
        device.endIfExpired()
        return state.session
      },
    })
    this.facts = new DeviceFacts(platform, store, this.leaf, this.presence, state)

    // What the client publishes and subscribes to.
    const publisher = new Publisher(platform, client, this.leaf, (one) => this.facts.publishing(one))
    this.publishRequests = new PublishRequests(platform, publisher)
    this.registrar = new Registrar(platform, client, this.leaf)
    this.shadowDeltas = new ShadowDeltas(client, this.shadows)
    this.givenRetained = new GivenRetained(platform)
    this.rootBudget = new RootBudget(platform)
    const deliver = (delivery: Delivery) => device.deliverOwn(delivery)
    this.retainedReplay = new RetainedReplay(
      platform,
      state,
      store,
      this.registrar,
      this.givenRetained,
      deliver,
      () => this.attachmentWriter.plan(),
    )
    this.subscriptionRequests = new SubscriptionRequests(
      store,
      this.registrar,
      this.shadowDeltas,
      (filters) => this.handover.subscriptionsChanged(filters),
      this.retainedReplay,
    )
    this.historyReplay = new HistoryReplay(platform, client, this.registrar, state, deliver)

    // The session's storage, its deliveries and its end.
    this.seenOrigins = new SeenOrigins(platform.storage)
    this.writer = new SessionWriter(platform, store, this.seenOrigins, (rows) => this.facts.expired(rows))
    this.attachmentWriter = new AttachmentWriter(
      platform,
      store,
      state,
      () => this.leaf.home.unstored,
      (reason) => device.closeLive(reason),
    )
    this.deliveries = new OpenDeliveries(platform, this.facts)
    this.redistribution = new Redistribution(platform, client, store)
    this.will = new LastWill(platform, publisher, () => this.leaf.sync.heardSoon())
    this.expiry = new SessionExpiry(platform, store, this.leaf, () => device.endIfExpired())
    this.performer = new EffectPerformer(platform, {
      state,
      store,
      writer: this.writer,
      facts: this.facts,
      attachmentWriter: this.attachmentWriter,
      publisher,
      will: this.will,
      deliveries: this.deliveries,
      reply: (packet) => device.reply(packet),
      close: (reason) => device.closeLive(reason),
      stalled: () => checkStalled(platform, state.live),
      subscribe: (session, effect) => device.subscribe(session, effect),
      unsubscribe: (session, effect) => device.unsubscribe(session, effect),
    })
    const { seenOrigins, registrar, presence, shadows } = this
    this.handover = new Handover(
      platform,
      client,
      this.leaf,
      store,
      seenOrigins,
      registrar,
      presence,
      shadows,
      {
        state,
        disconnect: (lost) => {
          // After a fail-over the client may have published in its next region: an older will would contradict those messages.
          if (lost) this.will.discardUnpublished()
          // The next home publishes the end of this connection, before it publishes a connection there.
          device.closeLive(Reason.SessionTakenOver, 'unpublished')
          this.will.discardUnpublished()
        },
        replaced: () => {
          device.closeLive(Reason.SessionTakenOver, 'unpublished')
          this.will.sessionEnded()
        },
        deliver,
        input: (input) => device.input(input),
        redistribute: (deliveries) => this.redistribution.add(deliveries),
      },
    )
  }
}
