// The effects of a change of the home: `Home` decides, the leaf performs.
import type { RegionId } from '../../../src/id/ids.ts'
import type { ImportedResponse } from '../../../src/relay/home.ts'
import type { ImportedState } from '../leaf-part.ts'

/** The leaf, as `Home` calls it. */
export interface HomeEvents {
  /**
   * Imports a former home's state. Called in the transaction that stores the home's own row.
   * @param synced true: the state comes from the core's store, since the former home did not answer
   */
  importState(state: ImportedState, synced: boolean): void
  /** After the import: registers the session's subscriptions at other leaves. If it rejects, it is called again. */
  afterImport(): Promise<void>
  /** Imports the remainder of a former home (src/relay/home.ts). */
  importRemainder(remainder: ImportedResponse): Promise<void>
  /** All former homes have released the root. */
  imported(): void
  /**
   * The directory names another region as the home: this leaf accepts no more messages. Resolves when the new home knows of this
   * region's subscribers.
   */
  fence(region: RegionId, epoch: number): Promise<void>
  /** This leaf has become the home. Accepts the root's messages that wait in the uplink. */
  becameHome(): Promise<void>
}
