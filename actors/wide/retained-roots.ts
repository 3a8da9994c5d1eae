// Retained messages for wide filters, page by page: from this region's homes, whose branches with retained messages are stored
// here, and from the other regions. Clients that subscribe to the same filter at once share the pages.
import type { Branch } from '../../src/id/ids.ts'
import { couldMatchBranch, rootOfBranch } from '../../src/id/root.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { WideCursor, WorldCursor } from '../../src/relay/wide.ts'
import { recordByOurClock } from '../calls/other-clock.ts'
import { SharedCalls } from '../calls/shared-calls.ts'
import { withRetries } from '../calls/waits.ts'
import type { LeafRetainedPage } from '../leaf/leaf-peer.ts'
import {
  RETAINED_LEAVES_MAX,
  RETAINED_PAGE_BYTES_MAX,
  RETAINED_PAGE_MESSAGES_MAX,
  RETAINED_ROUNDS_PER_PAGE_MAX,
  RETAINING_ROOTS_PER_ROUND_MAX,
} from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { RetainedPage } from './wide-peer.ts'

/** Rows of one read from storage. */
const ROOTS_READ_MAX = 256
const NOTHING: LeafRetainedPage = { records: packBatch([]), next: null }

export class RetainedRoots {
  private readonly platform: Platform
  private readonly shard: number
  private readonly here = new SharedCalls<RetainedPage<WideCursor>>()
  private readonly elsewhere = new SharedCalls<RetainedPage<WorldCursor>>()

  constructor(platform: Platform, shard: number) {
    this.platform = platform
    this.shard = shard
  }

  set(branch: Branch, any: boolean): void {
    this.platform.storage.exec(
      any ? 'INSERT OR REPLACE INTO retaining (root) VALUES (?)' : 'DELETE FROM retaining WHERE root = ?',
      branch,
    )
  }

  page(filters: readonly string[], after: WideCursor | null): Promise<RetainedPage<WideCursor>> {
    return this.here.ask(JSON.stringify([filters, after]), () => this.look(filters, after))
  }

  pageElsewhere(filters: readonly string[], after: WorldCursor | null): Promise<RetainedPage<WorldCursor>> {
    return this.elsewhere.ask(JSON.stringify([filters, after]), () => this.lookElsewhere(filters, after))
  }

  private async lookElsewhere(
    filters: readonly string[],
    after: WorldCursor | null,
  ): Promise<RetainedPage<WorldCursor>> {
    const { core, fleet, region } = this.platform
    const wanted = { fleet, region, shard: this.shard, filters: [...filters], after }
    const { records, clock, next } = await core.wideRetained(wanted)
    const now = this.platform.now()
    const ours = unpackBatch(records).map((one) => recordByOurClock(one, clock, now))
    return { records: packBatch(ours), next }
  }

  /** Bounded in messages and bytes, and in the leaves that are asked: a page may be short, or empty, and yet not the last. */
  private async look(
    filters: readonly string[],
    after: WideCursor | null,
  ): Promise<RetainedPage<WideCursor>> {
    let from = after ?? { root: '', topic: '' }
    const records: Uint8Array[] = []
    let bytes = 0
    for (let round = 1; ; round++) {
      const { branches, next } = this.branches(filters, from)
      const pages = await Promise.all(
        branches.map((branch) => this.ask(branch, filters, branch === from.root ? from.topic : '')),
      )
      for (const [i, page] of pages.entries()) {
        const root = branches[i] as Branch
        for (const record of unpackBatch(page.records)) {
          if (records.length > 0 && bytes + record.length > RETAINED_PAGE_BYTES_MAX)
            return { records: packBatch(records), next: from }
          records.push(record)
          bytes += record.length
          from = { root, topic: decodeMessage(record).topic }
        }
        if (page.next !== null) return { records: packBatch(records), next: { root, topic: page.next } }
        from = { root, topic: '' }
      }
      if (next === null) return { records: packBatch(records), next: null }
      from = next
      if (records.length >= RETAINED_PAGE_MESSAGES_MAX || bytes >= RETAINED_PAGE_BYTES_MAX)
        return { records: packBatch(records), next: from }
      if (round === RETAINED_ROUNDS_PER_PAGE_MAX) return { records: packBatch(records), next: from }
    }
  }

  /**
   * The next branches that a filter could match. A branch that the last page left unfinished comes first. `next` is the place to
   * continue from; null after the last branch.
   */
  private branches(
    filters: readonly string[],
    { root, topic }: WideCursor,
  ): { branches: Branch[]; next: WideCursor | null } {
    const found: Branch[] = topic === '' ? [] : [root as Branch]
    let last = root
    for (let read = 0; read < RETAINING_ROOTS_PER_ROUND_MAX; read += ROOTS_READ_MAX) {
      const rows = this.platform.storage.exec(
        'SELECT root FROM retaining WHERE root > ? ORDER BY root LIMIT ?',
        last,
        ROOTS_READ_MAX,
      )
      for (const row of rows) {
        last = String(row.root)
        const branch = last as Branch
        if (filters.some((filter) => couldMatchBranch(filter, branch))) found.push(branch)
        if (found.length === RETAINED_LEAVES_MAX) return { branches: found, next: { root: last, topic: '' } }
      }
      if (rows.length < ROOTS_READ_MAX) return { branches: found, next: null }
    }
    return { branches: found, next: { root: last, topic: '' } }
  }

  /** One page of a leaf. A leaf that does not answer only costs its own messages. */
  private async ask(branch: Branch, filters: readonly string[], after: string): Promise<LeafRetainedPage> {
    try {
      const leaf = this.platform.peers.leaf(rootOfBranch(branch))
      return await withRetries(this.platform, () => leaf.retainedFor(filters, after, branch))
    } catch (cause) {
      this.platform.report(`the leaf of ${branch} did not give its retained messages`, cause)
      return NOTHING
    }
  }
}
