// Writes a home's change to the store: first its history, then its state.
import { isOnlyHistory, type RootChange, type SyncResult } from '../src/relay/sync.ts'
import type { Store } from './store/port.ts'

/** Rejects if the store fails. The caller may then repeat the whole change. */
export async function syncRoot(store: Store, change: RootChange): Promise<SyncResult> {
  if (change.history.length > 0) await store.putHistory(change)
  // History needs no fence: a message that a former home accepted stays accepted.
  if (isOnlyHistory(change)) return 'applied'
  return (await store.putState(change)) ? 'applied' : 'fenced'
}
