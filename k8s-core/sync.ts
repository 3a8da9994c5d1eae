// A home's change on its way into the store: what it has kept, then its state.
import { isOnlyHistory, type RootChange, type SyncResult } from '../src/relay/sync.ts'
import type { Store } from './store/port.ts'

/** Rejects where the store fails; all of it may then be given again. */
export async function syncRoot(store: Store, change: RootChange): Promise<SyncResult> {
  if (change.history.length > 0) await store.putHistory(change)
  // Messages that were kept are true whoever is the home now.
  if (isOnlyHistory(change)) return 'applied'
  return (await store.putState(change)) ? 'applied' : 'fenced'
}
