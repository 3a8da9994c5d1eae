// A root's state on its way from one home to the next: collects, imports and deletes the share of each part.
import { type HandoverState, type ImportedResponse, NO_STATE } from '../../../src/relay/home.ts'
import type { Platform } from '../../platform.ts'
import type { LeafPart, SyncedRow } from '../leaf-part.ts'
import type { Mark } from '../sync/marks.ts'

export class StateTransfer {
  private readonly platform: Platform
  private readonly parts: () => readonly LeafPart[]

  constructor(platform: Platform, parts: () => readonly LeafPart[]) {
    this.platform = platform
    this.parts = parts
  }

  /** All that another leaf needs to be the home. The rows stay until `clear`. */
  export(): HandoverState {
    const state: HandoverState = { ...NO_STATE, clock: this.platform.now() }
    return Object.assign(state, ...this.parts().map((part) => part.export?.() ?? {}))
  }

  /** In the transaction that makes this region the home. @param fromStore see `LeafPart.import` */
  import(state: HandoverState, fromStore: boolean): void {
    const writes = this.parts().map((part) => part.import?.(state, fromStore))
    for (const write of writes) write?.()
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
    for (const part of this.parts()) part.clear?.()
  }
}
