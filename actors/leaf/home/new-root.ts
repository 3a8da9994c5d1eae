// A root that nobody has: whether a publish or a SUBSCRIBE begins it. Nothing is written for a message that nobody gets or keeps,
// and a client begins a bounded number of roots.
import type { ClientId } from '../../../src/id/ids.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { ROOT_LOOKS_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Home } from './home.ts'
import type { HomeKnowledge } from './home-knowledge.ts'

/** The messages end here, with this outcome. */
export interface Nowhere {
  readonly at: 'nowhere'
  readonly outcome: Outcome
}

export interface NewRootParts {
  readonly home: Home
  /** Resolves with true if no wide filter of any region can match a topic of the root. */
  readonly unwanted: () => Promise<boolean>
}

export class NewRoot {
  private readonly platform: Platform
  private readonly parts: NewRootParts
  private looks = 0

  constructor(platform: Platform, parts: NewRootParts) {
    this.platform = platform
    this.parts = parts
  }

  /**
   * The home for a client's messages. Rejects with `CoreUnreachable`.
   * @param stored whether something must keep one of the messages, or somebody here wants it
   */
  async forPublish(client: ClientId, stored: boolean): Promise<HomeKnowledge | Nowhere> {
    const { home } = this.parts
    const known = home.settled ?? (await home.lookSoon())
    if (known !== null) return known
    // A root that is published to again and again gets a home all the same: it is asked for only once then.
    if (!stored && this.looks++ < ROOT_LOOKS_MAX && (await this.parts.unwanted()))
      return { at: 'nowhere', outcome: Reason.NoMatchingSubscribers }
    return (await this.mayBegin(client)) ? home.findSoon() : { at: 'nowhere', outcome: Reason.QuotaExceeded }
  }

  /** Finds the home for a subscriber. @returns false if the client may not begin the root. Rejects with `CoreUnreachable` */
  async forSubscriber(client: ClientId): Promise<boolean> {
    const { home } = this.parts
    if (home.settled === null && (await home.look()) === null && !(await this.mayBegin(client))) return false
    await home.find()
    return true
  }

  private async mayBegin(client: ClientId): Promise<boolean> {
    try {
      return await this.platform.peers.device(client).beginsRoot()
    } catch (cause) {
      this.platform.report(`${client} was not asked whether it may begin a root`, cause)
      return true
    }
  }
}
