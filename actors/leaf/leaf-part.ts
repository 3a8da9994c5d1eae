// The contract of a part: a concern of the actor around a leaf (session, presence, commands, shadows) whose state moves with
// the root's home. The leaf calls the parts in the order of its actor's list.
import type { HandoverState, ImportedResponse, SessionState } from '../../src/relay/home.ts'
import type { RootChange } from '../../src/relay/sync.ts'
import type { MovedRows } from './handover/moved-rows.ts'
import type { Mark } from './sync/marks.ts'

/** A marked row, as it is sent to the core's store. */
export interface SyncedRow {
  readonly bytes: number
  addTo(change: RootChange): void
}

/** Reads a marked row; null for a mark of another part's kind. */
export type SyncedRows = (mark: Mark) => SyncedRow | null

type Rows<T> = { readonly [K in keyof T]: T[K] extends (infer Row)[] ? Iterable<Row> : T[K] }

/** A state of which the long lists may be read from storage while they are iterated. */
export interface ImportedState
  extends Omit<HandoverState, 'session' | 'gone' | 'retained' | 'shadows' | 'commands'>,
    Rows<Pick<HandoverState, 'retained' | 'shadows'>> {
  readonly session: ImportedSession | null
  readonly commands?: Iterable<NonNullable<HandoverState['commands']>[number]> | undefined
}
export type ImportedSession = Omit<SessionState, 'subscriptions' | 'queue' | 'seen'> &
  Rows<Pick<SessionState, 'subscriptions' | 'queue' | 'seen'>>

export interface LeafPart {
  /** This part's rows, which move in pages. */
  moved?(): readonly MovedRows[]
  /** This part's share of the state for the next home, without those rows. */
  export?(): Partial<HandoverState>
  /**
   * In the transaction that makes this region the home. First all parts read, in this call, what this region still has from
   * an earlier term as the home; then each writes, in the function that it returns.
   * @param fromStore the state comes from the core's store, since the former home was not reached
   */
  import?(state: ImportedState, fromStore: boolean): () => void
  /** After the import: registers at other leaves what the part needs there. May reject; it is called again then. */
  registerImported?(): Promise<void>
  /** Imports a former home's remainder. Resolves when its messages are acknowledged or stored. */
  importRest?(rest: ImportedResponse): Promise<void>
  /** Another region becomes the home; this one still is. @param lost it began without this region's state */
  beforeHandover?(lost: boolean): void
  /** Another region is the home, in storage too. @param lost as before */
  afterHandover?(lost: boolean): void
  /** The next home has everything: deletes the part's rows. */
  clear?(): void
  /** Begins one round of syncing. */
  synced?(): SyncedRows
}
