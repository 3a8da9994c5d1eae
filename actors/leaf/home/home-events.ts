// What a leaf performs when its home changes: `Home` decides, the leaf acts.
import type { RegionId } from '../../../src/id/ids.ts'
import type { HandoverState, ImportedResponse } from '../../../src/relay/home.ts'

/** Performs what comes with a home: takes over the former home's state, or what the uplink holds for it. */
export interface HomeEvents {
  /**
   * In one transaction with the home's own row.
   * @param synced it comes from the core's store, since the former home was not reached
   */
  importState(state: HandoverState, synced: boolean): void
  /** After the state is in: register elsewhere what the session needs. May reject; it is then tried again. */
  afterImport(): Promise<void>
  /** What a former home had yet. */
  late(late: ImportedResponse): Promise<void>
  /** All former homes have let go. */
  imported(): void
  /**
   * The directory says that another region is the home: nothing may be accepted here any more. Resolves when that one knows
   * of this region's subscribers.
   */
  fence(region: RegionId, epoch: number): Promise<void>
  /** This leaf has become the home; messages accepted before it knew wait in the uplink. */
  becameHome(): Promise<void>
}
