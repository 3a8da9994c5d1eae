// A root's state on its way from one home to the next: collects, imports and deletes the share of each part.
import type {
  HandoverRequest,
  HandoverResponse,
  HandoverState,
  ImportedResponse,
} from '../../../src/relay/home.ts'
import type { Platform } from '../../platform.ts'
import type { ImportedState, LeafPart, SyncedRow } from '../leaf-part.ts'
import type { Mark } from '../sync/marks.ts'
import type { RowKey } from './moved-rows.ts'
import { isCopied, type MovedKind } from './moved-rows.ts'
import { OutgoingPages, type StatePage } from './outgoing-pages.ts'
import { StagedState } from './staged-state.ts'

export class StateTransfer {
  /** Pages that have come from the former home. */
  readonly staged: StagedState
  private readonly parts: () => readonly LeafPart[]
  private readonly outgoing: OutgoingPages

  constructor(platform: Platform, parts: () => readonly LeafPart[]) {
    this.parts = parts
    this.staged = new StagedState(platform)
    this.outgoing = new OutgoingPages(
      platform,
      () => parts().flatMap((part) => part.moved?.() ?? []),
      () => parts().map((part) => part.export?.() ?? {}),
    )
  }

  /** All that another leaf needs to be the home. The rows stay until `clear`. */
  export(): HandoverState {
    return this.outgoing.whole()
  }

  /** Whether a region must copy the state before it claims the home. @param copied the cursor of a region that says it has */
  lacksCopy(copied: string | undefined): boolean {
    return this.outgoing.isLong && (copied === undefined || !this.outgoing.has(copied))
  }

  /** A page for a region that is about to claim the home. */
  copy(cursor: string): StatePage {
    return this.outgoing.page(cursor, false)
  }

  /** Another region is the home. */
  handOver({ cursor }: HandoverRequest): HandoverResponse {
    return cursor === undefined ? { state: this.export() } : this.outgoing.page(cursor, true)
  }

  /** A row has changed, or all of a kind. */
  noteChange(kind: MovedKind, key: RowKey | null): void {
    if (isCopied(kind)) this.outgoing.note(kind, key)
  }

  /** In the transaction that makes this region the home. @param fromStore see `LeafPart.import` */
  import(state: ImportedState, fromStore: boolean): void {
    this.outgoing.end()
    const writes = this.parts().map((part) => part.import?.(state, fromStore))
    for (const write of writes) write?.()
    this.staged.clear()
  }

  async registerImported(): Promise<void> {
    for (const part of this.parts()) await part.registerImported?.()
  }

  async importRest(rest: ImportedResponse): Promise<void> {
    await Promise.all(this.parts().map((part) => part.importRest?.(rest)))
  }

  /** Begins a round of syncing: reads marked rows. */
  synced(): (mark: Mark) => readonly SyncedRow[] {
    const readers = this.parts().flatMap((part) => part.synced?.() ?? [])
    return (mark) => readers.flatMap((read) => read(mark) ?? [])
  }

  /** The next home has everything. */
  clear(): void {
    this.outgoing.end()
    for (const part of this.parts()) part.clear?.()
  }
}
