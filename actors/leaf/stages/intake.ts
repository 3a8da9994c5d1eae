// Where messages enter a leaf: from publishers of this region, and in envelopes from the core. The home accepts them. Elsewhere a
// publisher's message goes to the uplink, and the home's messages go to this region's subscribers.
import type { ClientId, Root } from '../../../src/id/ids.ts'
import { clientOfRoot } from '../../../src/id/root.ts'
import { decodeMessage } from '../../../src/mqtt/message.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import type { Envelope, EnvelopeResult } from '../../../src/relay/envelope.ts'
import { encodeRouted } from '../../../src/relay/routed.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import { LEAF_SOURCES_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { LocalDelivery } from '../delivery/local-delivery.ts'
import type { Subscribers } from '../delivery/subscribers.ts'
import type { Home } from '../home/home.ts'
import type { HomeKnowledge } from '../home/home-knowledge.ts'
import type { NewRoot, Nowhere } from '../home/new-root.ts'
import { acceptWaiting } from '../home/waiting-messages.ts'
import type { InterestRegistration } from '../interest/interest-registration.ts'
import { ReceivedEnvelopes, runOf } from '../links/received-envelopes.ts'
import type { Uplinks } from '../links/uplinks.ts'
import type { Acceptance } from './acceptance.ts'

/** The parts of a leaf that messages pass. */
export interface IntakeParts {
  readonly home: Home
  readonly acceptance: Acceptance
  readonly local: LocalDelivery
  readonly subscribers: Subscribers
  readonly registration: InterestRegistration
  readonly uplinks: Uplinks
  readonly newRoot: NewRoot
}

export class Intake {
  private readonly platform: Platform
  private readonly root: Root
  private readonly parts: IntakeParts
  private readonly received: ReceivedEnvelopes
  private turn: Promise<void> = Promise.resolve()
  private waiting = 0

  constructor(platform: Platform, root: Root, parts: IntakeParts) {
    this.platform = platform
    this.root = root
    this.parts = parts
    this.received = new ReceivedEnvelopes(platform, LEAF_SOURCES_MAX)
  }

  /** @returns the outcome of each record, when each is acknowledged or durable */
  async publish(publisher: ClientId, records: readonly Uint8Array[]): Promise<Uint8Array> {
    const { acceptance, uplinks, newRoot } = this.parts
    const outcomes = await this.inTurn(
      () => newRoot.forPublish(publisher, this.isWanted(records)),
      (home) =>
        home.at === 'nowhere'
          ? Promise.resolve(this.unwanted(publisher, records, home))
          : home.at === 'here'
            ? acceptance.accept(records.map((record) => ({ publisher, record, turn: null })))
            : Promise.all(
                records.map((record) =>
                  uplinks.post(this.root, { kind: 'home' }, encodeRouted(publisher, record)),
                ),
              ),
    )
    return Uint8Array.from(outcomes)
  }

  private unwanted(publisher: ClientId, records: readonly Uint8Array[], { outcome }: Nowhere): Outcome[] {
    if (outcome === Reason.NoMatchingSubscribers)
      for (const record of records) this.parts.local.noteUnwanted(publisher, record)
    return records.map(() => outcome)
  }

  /** An envelope from the core: to the home from elsewhere, or from the home to this region. */
  async receive(envelope: Envelope, epoch: number): Promise<EnvelopeResult> {
    const { home, acceptance, local, registration } = this.parts
    if (envelope.to.kind === 'home') {
      const { settled } = home
      if (!(await home.isHere(epoch))) return home.moved
      // The envelope waited here while another region was the home, which may have taken its messages from the uplink.
      if (settled?.at !== 'here' && (home.newest?.epoch ?? 0) > epoch)
        return { status: 'unreachable', detail: 'the home was elsewhere meanwhile' }
    }
    const outcomes = await this.received.take(runOf(envelope, this.platform.now()), (fresh) => {
      if (envelope.to.kind === 'home') return acceptance.accept(fresh)
      // An older epoch's messages are delivered too: only the former home accepted them, so nobody else delivers them (promise 2).
      const { anyPlain, shares } = this.parts.subscribers
      if (fresh.some(({ turn }) => (turn === null ? !anyPlain : !shares.has(turn.share))))
        registration.withdraw()
      return local.deliverAll(fresh)
    })
    return { status: 'done', outcomes }
  }

  /** Whether somebody here wants one of the messages, or something keeps one. */
  private isWanted(records: readonly Uint8Array[]): boolean {
    // A device's actor has features of its own: a request to its shadow takes effect though nobody subscribes.
    if (clientOfRoot(this.root) !== null || this.parts.subscribers.size > 0) return true
    const { history } = this.platform.settings
    return records.map(decodeMessage).some(({ retain, topic }) => retain || history.ttlSeconds(topic) > 0)
  }

  /** This leaf has become the home: accepts what waits in the uplink before anything else. */
  acceptWaiting(): Promise<void> {
    const { home, acceptance, uplinks } = this.parts
    return acceptWaiting(this.platform, this.root, uplinks, {
      isHome: () => home.knowledge.at === 'here',
      accept: (run) => this.received.take(run, (fresh) => acceptance.accept(fresh)),
      acceptUnsent: (messages) => acceptance.accept(messages),
    })
  }

  /** Begins `act` once it is known where the home is, each in its turn: meanwhile each publisher's order holds. */
  private inTurn<T>(
    find: () => Promise<HomeKnowledge | Nowhere>,
    act: (home: HomeKnowledge | Nowhere) => Promise<T>,
  ): Promise<T> {
    const { home } = this.parts
    const { settled } = home
    if (this.waiting === 0 && settled !== null) return act(settled)
    this.waiting++
    const found = this.turn
      .then(find)
      .catch((cause): HomeKnowledge => {
        if (!(cause instanceof CoreUnreachable)) throw cause
        // There is a home somewhere: the uplink stores the message until the core can say where.
        return home.knowledge
      })
      .finally(() => {
        this.waiting--
      })
    const acted = found.then(act)
    this.turn = found.then(
      () => undefined,
      () => undefined,
    )
    return acted
  }
}
