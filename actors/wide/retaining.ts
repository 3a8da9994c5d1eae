// The branches of roots with home in this region that keep retained messages, and what they keep, page by page.
import type { Branch } from '../../src/id/ids.ts'
import { couldMatchBranch, rootOfBranch } from '../../src/id/root.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { WideCursor } from '../../src/relay/wide.ts'
import { RETAINED_LEAVES_MAX, RETAINED_PAGE_BYTES_MAX, RETAINED_PAGE_MESSAGES_MAX } from '../limits.ts'
import type { LeafRetainedPage, Platform, WideRetainedPage } from '../platform.ts'
import type { Tables } from '../tables.ts'

/** Roots that are read from storage at once. */
const ROOTS_READ_MAX = 256
const NOTHING: LeafRetainedPage = { records: packBatch([]), next: null }

export class Retaining {
  private readonly platform: Platform
  private readonly tables: Tables

  constructor(platform: Platform, tables: Tables) {
    this.platform = platform
    this.tables = tables
  }

  set(branch: Branch, any: boolean): void {
    if (any) this.tables.make()
    else if (!this.tables.exist) return
    this.platform.storage.exec(
      any ? 'INSERT OR REPLACE INTO retaining (root) VALUES (?)' : 'DELETE FROM retaining WHERE root = ?',
      branch,
    )
  }

  async page(filters: readonly string[], after: WideCursor | null): Promise<WideRetainedPage> {
    let from = after ?? { root: '', topic: '' }
    const records: Uint8Array[] = []
    let bytes = 0
    for (;;) {
      const branches = this.branches(filters, from)
      const pages = await Promise.all(
        branches.map((branch) => this.ask(branch, filters, branch === from.root ? from.topic : '')),
      )
      for (const [i, page] of pages.entries()) {
        const root = branches[i] as Branch
        for (const record of unpackBatch(page.records)) {
          records.push(record)
          bytes += record.length
        }
        if (page.next !== null) return { records: packBatch(records), next: { root, topic: page.next } }
        from = { root, topic: '' }
      }
      if (branches.length < RETAINED_LEAVES_MAX) return { records: packBatch(records), next: null }
      if (records.length >= RETAINED_PAGE_MESSAGES_MAX || bytes >= RETAINED_PAGE_BYTES_MAX)
        return { records: packBatch(records), next: from }
    }
  }

  /** The next that any of the filters could match; the one that was left in its middle comes first. */
  private branches(filters: readonly string[], { root, topic }: WideCursor): Branch[] {
    const found: Branch[] = topic === '' ? [] : [root as Branch]
    if (!this.tables.exist) return found
    let last = root
    for (;;) {
      const rows = this.platform.storage.exec(
        'SELECT root FROM retaining WHERE root > ? ORDER BY root LIMIT ?',
        last,
        ROOTS_READ_MAX,
      )
      for (const row of rows) {
        last = String(row.root)
        const branch = last as Branch
        if (filters.some((filter) => couldMatchBranch(filter, branch))) found.push(branch)
        if (found.length === RETAINED_LEAVES_MAX) return found
      }
      if (rows.length < ROOTS_READ_MAX) return found
    }
  }

  /** A leaf that does not answer takes nothing from the others' messages. */
  private async ask(branch: Branch, filters: readonly string[], after: string): Promise<LeafRetainedPage> {
    try {
      return await this.platform.peers.leaf(rootOfBranch(branch)).retainedFor(filters, after, branch)
    } catch (cause) {
      this.platform.report(`no retained messages from ${branch}`, cause)
      return NOTHING
    }
  }
}
