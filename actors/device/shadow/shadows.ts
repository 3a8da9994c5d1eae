// The shadows of a device: a stage of its leaf that applies requests in the home's order, a part of the leaf that moves with
// the home, and the answers to requests by HTTP. The face of this folder.

import { encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { Outcome } from '../../../src/mqtt/outcome.ts'
import type { ImportedResponse } from '../../../src/relay/home.ts'
import type { HomeShadowResponse, ShadowAsked } from '../../../src/relay/shadow.ts'
import { NOBODY } from '../../leaf/delivery/sharing.ts'
import type { MovedRows } from '../../leaf/handover/moved-rows.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import type { ImportedState, LeafPart, SyncedRows } from '../../leaf/leaf-part.ts'
import type { Stage, Staged, StagedMessage } from '../../leaf/stages/stage.ts'
import { SHADOW_REQUESTS_KEPT_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { type Answered, ShadowStore } from './shadow-store.ts'

export class Shadows implements Stage, LeafPart {
  readonly store: ShadowStore
  private readonly platform: Platform
  private readonly leaf: Leaf
  /** Answers to requests by HTTP, by the request's id: a request that is repeated is not applied again. */
  private readonly answers = new Map<string, Promise<HomeShadowResponse>>()

  constructor(platform: Platform, leaf: Leaf) {
    this.platform = platform
    this.leaf = leaf
    this.store = new ShadowStore(platform.storage, leaf.root, leaf.marks, () => platform.now())
  }

  /**
   * The request is acknowledged when each receiver has its answers, or they are durable for it. A receiver that refuses an answer
   * does not make the request fail: the shadow can be read at any time.
   */
  accept({ message, applied }: StagedMessage): Staged | null {
    // A former home has already applied a message that is `again`.
    if (applied || message.acknowledged === 'again') return null
    const answered = this.store.answer(message)
    return answered === null ? null : this.staged(message, answered)
  }

  /** A request by HTTP. @param epoch of the home that the core takes this region for; null: answers only if the home is known */
  async request(asked: ShadowAsked, epoch: number | null): Promise<HomeShadowResponse> {
    const { home } = this.leaf
    const here = epoch === null ? home.settled?.at === 'here' : await home.isHere(epoch)
    if (!here) return home.moved
    if (asked.verb === 'get') return this.apply(asked)
    let answer = this.answers.get(asked.id)
    if (answer !== undefined) return answer
    answer = this.apply(asked)
    this.answers.set(asked.id, answer)
    const [oldest] = this.answers.keys()
    if (oldest !== undefined && this.answers.size > SHADOW_REQUESTS_KEPT_MAX) this.answers.delete(oldest)
    return answer
  }

  moved(): readonly MovedRows[] {
    return [this.store.moved]
  }

  import(state: ImportedState): () => void {
    const own = this.store.late('', Number.MAX_SAFE_INTEGER)
    return () => {
      for (const { path, error } of this.store.import(state.shadows, own)) this.reportRefused(path, error)
    }
  }

  /** Applies, in their order, requests that a former home had applied and no other home has. */
  async importRest({ shadows }: ImportedResponse): Promise<void> {
    const requests = shadows.flatMap((one) => this.store.requestsOf(one))
    await Promise.all(
      requests.map((request) => {
        const answered = this.store.answer(request)
        if (answered === null) return null
        if (answered.error !== null) this.reportRefused(answered.path, answered.error)
        return this.publish([request, ...answered.messages])
      }),
    )
  }

  clear(): void {
    this.store.clear()
  }

  synced(): SyncedRows {
    return ({ kind, key }) => {
      if (kind !== 'shadow') return null
      const path = String(key)
      const shadow = this.store.encoded(path)
      return { bytes: shadow?.length ?? 0, addTo: (change) => change.shadows.push({ path, shadow }) }
    }
  }

  private staged(message: Message, { path, changed, messages }: Answered): Staged {
    const outcomes: Promise<Outcome>[] = []
    if (changed) outcomes.push(Promise.resolve(Outcome.Stored))
    if (changed && message.global) outcomes.push(this.leaf.sync.outcome('shadow', path))
    return { applied: true, received: true, outcomes, followers: messages }
  }

  /** A request by HTTP is not published, nor is its refusal. */
  private async apply({ path, verb, body }: ShadowAsked): Promise<HomeShadowResponse> {
    const answered = this.store.apply(path, verb, new TextEncoder().encode(body))
    if (answered.changed) await this.publish(answered.messages)
    const { shadow, error } = answered
    return {
      status: 'done',
      body: JSON.stringify(answered.body),
      error: error === null ? null : { ...error, field: error.field ?? null },
      version: shadow?.version ?? null,
      changedAt: shadow?.changedAt ?? null,
    }
  }

  private async publish(messages: readonly Message[]): Promise<void> {
    await Promise.all(
      messages.map((message) => this.leaf.publishApplied(NOBODY, message, encodeMessage(message))),
    )
  }

  private reportRefused(path: string, error: unknown): void {
    this.platform.report(
      `a change of ${this.leaf.root}/${path} that came from a former home was refused`,
      error,
    )
  }
}
