// A message at the home: one stage after another has it, and its publisher gets one outcome.

import type { ClientId } from '../../../src/id/ids.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { type Outcome, outcomeOfAll } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import type { Routed } from '../../../src/relay/routed.ts'
import { NOBODY, type Sharing } from '../delivery/sharing.ts'
import type { Home } from '../home/home.ts'
import type { HomeHere } from '../home/home-knowledge.ts'
import type { Stage, StagedMessage } from './stage.ts'

export class Acceptance {
  private readonly home: Home
  private readonly sharing: Sharing
  private readonly list: () => readonly Stage[]
  private stages: readonly Stage[] | null = null

  /** @param list asked once, with the first message */
  constructor(home: Home, sharing: Sharing, list: () => readonly Stage[]) {
    this.home = home
    this.sharing = sharing
    this.list = list
  }

  /** The outcome of each, in order. The home's order is that in which this is called. */
  accept(messages: readonly Routed[]): Promise<Outcome[]> {
    return Promise.all(
      messages.map(({ publisher, record, turn }) =>
        turn === null
          ? this.run(publisher, decodeMessage(record), record, false)
          : this.sharing.give(publisher, record, turn),
      ),
    )
  }

  /** A message that has taken effect already. It takes its place in the order at once. */
  acceptApplied(publisher: ClientId, message: Message, record = encodeMessage(message)): Promise<Outcome> {
    return this.run(publisher, message, record, true)
  }

  /** Async, so that a stage that throws fails its own message only. */
  private async run(
    publisher: ClientId,
    message: Message,
    record: Uint8Array,
    applied: boolean,
  ): Promise<Outcome> {
    const { epoch } = this.home.knowledge as HomeHere
    let staged: StagedMessage = { publisher, message, record, epoch, applied }
    let received = false
    const outcomes: Promise<Outcome>[] = []
    const followers: Message[] = []
    this.stages ??= this.list()
    for (const stage of this.stages) {
      const added = stage.accept(staged)
      if (added === null) continue
      if ('refused' in added) return added.refused
      if (added.message !== undefined && added.message !== staged.message)
        staged = { ...staged, message: added.message, record: encodeMessage(added.message) }
      if (added.applied === true) staged = { ...staged, applied: true }
      if (added.received === true) received = true
      outcomes.push(...(added.outcomes ?? []))
      followers.push(...(added.followers ?? []))
    }
    const following = followers.map((follower) => this.acceptApplied(NOBODY, follower))
    const outcome = outcomeOfAll(await Promise.all(outcomes))
    if (following.length > 0) await Promise.all(following)
    return received && outcome === Reason.NoMatchingSubscribers ? Reason.Success : outcome
  }
}
