// The roots with home in this region that keep retained messages, and what they keep, page by page.
import type { Root } from '../../src/id/ids.ts'
import { couldMatchRoot } from '../../src/id/root.ts'
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

  set(root: Root, any: boolean): void {
    if (any) this.tables.make()
    else if (!this.tables.exist) return
    this.platform.storage.exec(
      any ? 'INSERT OR REPLACE INTO retaining (root) VALUES (?)' : 'DELETE FROM retaining WHERE root = ?',
      root,
    )
  }

  async page(filters: readonly string[], after: WideCursor | null): Promise<WideRetainedPage> {
    let from = after ?? { root: '', topic: '' }
    const records: Uint8Array[] = []
    let bytes = 0
    for (;;) {
      const roots = this.roots(filters, from)
      const pages = await Promise.all(
        roots.map((root) => this.ask(root, filters, root === from.root ? from.topic : '')),
      )
      for (const [i, page] of pages.entries()) {
        const root = roots[i] as Root
        for (const record of unpackBatch(page.records)) {
          records.push(record)
          bytes += record.length
        }
        if (page.next !== null) return { records: packBatch(records), next: { root, topic: page.next } }
        from = { root, topic: '' }
      }
      if (roots.length < RETAINED_LEAVES_MAX) return { records: packBatch(records), next: null }
      if (records.length >= RETAINED_PAGE_MESSAGES_MAX || bytes >= RETAINED_PAGE_BYTES_MAX)
        return { records: packBatch(records), next: from }
    }
  }

  /** The next roots that any of the filters could match; the one that was left in its middle comes first. */
  private roots(filters: readonly string[], { root, topic }: WideCursor): Root[] {
    const found: Root[] = topic === '' ? [] : [root as Root]
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
        if (filters.some((filter) => couldMatchRoot(filter, last as Root))) found.push(last as Root)
        if (found.length === RETAINED_LEAVES_MAX) return found
      }
      if (rows.length < ROOTS_READ_MAX) return found
    }
  }

  /** A leaf that does not answer takes nothing from the others' messages. */
  private async ask(root: Root, filters: readonly string[], after: string): Promise<LeafRetainedPage> {
    try {
      return await this.platform.peers.leaf(root).retainedFor(filters, after)
    } catch (cause) {
      this.platform.report(`no retained messages from ${root}`, cause)
      return NOTHING
    }
  }
}
