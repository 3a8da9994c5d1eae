// From a home to the WideActor of its root's shard: messages, unless no wide filter can match, and whether the root has retained
// messages.
import type { Branch, ClientId, Root } from '../../../src/id/ids.ts'
import { presenceBranch } from '../../../src/id/root.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { packBatch } from '../../../src/relay/batch.ts'
import { encodeRouted } from '../../../src/relay/routed.ts'
import { Courier } from '../../calls/courier.ts'
import { RETAINS_RETRY_MS, WIDE_GRANT_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { INDEXED_ROWS } from '../schema.ts'

export class WideLink {
  private readonly platform: Platform
  private readonly root: Root
  private readonly retains: (branch: Branch) => boolean
  /** The root's branches, each with its number in the table `indexed`. */
  private readonly branches: readonly (readonly [Branch, number])[]
  private readonly courier: Courier
  private skipUntil = 0
  /** Branches that the WideActor's index has as those with retained messages. Stored, so that none is forgotten there. */
  private readonly indexed = new Set<Branch>()
  private telling: Promise<void> = Promise.resolve()

  /** @param retains whether the home is here and the branch has retained messages */
  constructor(platform: Platform, root: Root, retains: (branch: Branch) => boolean) {
    this.platform = platform
    this.root = root
    this.retains = retains
    const presence = presenceBranch(root)
    this.branches = [[root, 1], ...(presence === null ? [] : [[presence, 2] as const])]
    const rows = platform.storage.rows(INDEXED_ROWS)
    for (const [branch, number] of this.branches)
      if (rows.some(({ one }) => one === number)) this.indexed.add(branch)
    this.courier = new Courier(platform, {
      call: (batch) => this.call(batch),
      failed: (records, cause) => {
        platform.report(`the wide filters for ${root} do not answer`, cause)
        return records.map(() => Reason.UnspecifiedError)
      },
    })
  }

  /**
   * The message's outcome at the subscribers with wide filters; null if a grant says that none can match.
   * @param presence whether the message is a presence event, which no grant covers
   */
  pass(publisher: ClientId, record: Uint8Array, presence: boolean): Promise<Outcome> | null {
    return this.mayMatch(presence) ? this.courier.post(encodeRouted(publisher, record)) : null
  }

  /** Whether no wide filter of any region can match a topic of the root but for presence. False if that is not known. */
  async unwanted(): Promise<boolean> {
    if (!this.mayMatch(false)) return true
    try {
      await this.call(packBatch([]))
    } catch (cause) {
      this.platform.report(`the wide filters for ${this.root} do not answer`, cause)
    }
    return !this.mayMatch(false)
  }

  private async call(batch: Uint8Array): Promise<Uint8Array> {
    const calledAt = this.platform.now()
    const { outcomes, skipMs } = await this.platform.peers.wide(this.root).publish(this.root, batch)
    if (skipMs > 0)
      this.skipUntil = Math.min(Math.max(this.skipUntil, calledAt + skipMs), calledAt + WIDE_GRANT_MS)
    return outcomes
  }

  /** Whether a message must go to the WideActor: false if a grant says that no wide filter can match. */
  mayMatch(presence: boolean): boolean {
    if (presence) return true
    const leftMs = this.skipUntil - this.platform.now()
    // A longer rest means that the clock was set back: the WideActor counts the grant as over.
    return leftMs <= 0 || leftMs > WIDE_GRANT_MS
  }

  /** Resolves when the index has each branch with retained messages. That a branch has none left may reach the index later. */
  index(): Promise<Outcome> {
    if (this.wrong().length === 0) return Promise.resolve(Reason.Success)
    const lacking = this.lacking()
    const indexed = this.tell().then(
      () => Reason.Success,
      (cause) => {
        this.platform.report(`wide filters do not find the retained messages of ${this.root}`, cause)
        this.platform.wakeBy(this.platform.now() + RETAINS_RETRY_MS)
        return Reason.UnspecifiedError
      },
    )
    return lacking ? indexed : Promise.resolve(Reason.Success)
  }

  /** If the process died between a retained message and the index, the alarm repairs the index. */
  repair(): void {
    if (this.lacking()) this.platform.wakeBy(this.platform.now() + RETAINS_RETRY_MS)
  }

  private tell(): Promise<void> {
    const before = this.telling.catch(() => undefined)
    this.telling = before.then(async () => {
      for (const [branch, number] of this.wrong()) {
        const any = this.retains(branch)
        // If the process dies in between: a branch too many in the index costs a call, a branch too few loses messages.
        if (!any) this.mark(branch, number, false)
        await this.platform.peers.wide(this.root).retains(branch, any)
        if (any) this.mark(branch, number, true)
      }
    })
    return this.telling
  }

  /** Branches for which the index is wrong. */
  private wrong() {
    return this.branches.filter(([branch]) => this.retains(branch) !== this.indexed.has(branch))
  }

  private lacking(): boolean {
    return this.wrong().some(([branch]) => this.retains(branch))
  }

  private mark(branch: Branch, number: number, indexed: boolean): void {
    this.platform.storage.exec(
      indexed ? 'INSERT OR REPLACE INTO indexed (one) VALUES (?)' : 'DELETE FROM indexed WHERE one = ?',
      number,
    )
    if (indexed) this.indexed.add(branch)
    else this.indexed.delete(branch)
  }
}
