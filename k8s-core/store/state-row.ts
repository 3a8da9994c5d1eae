// From what a store has of a root to the state that a new home begins with.
import type { RegionInterest, SessionState } from '../../src/relay/home.ts'
import type { SyncedState } from '../../src/relay/sync.ts'

interface QueueRow {
  readonly position: number
  readonly session: string
  readonly delivery: string
}

/** @param queue in the order of positions; what another session has left is not the session's */
export function syncedState(
  values: ReadonlyMap<string, string>,
  queue: readonly QueueRow[],
  retained: SyncedState['retained'],
  shadows: SyncedState['shadows'],
): SyncedState {
  const session = parsed<Omit<SessionState, 'queue'>>(values.get('session'))
  const interests = parsed<RegionInterest[]>(values.get('interests')) ?? []
  if (session === null) return { session: null, retained, interests, shadows }
  const own = queue.filter((row) => row.session === session.id)
  const lastPosition = Math.max(session.lastPosition, own.at(-1)?.position ?? 0)
  return {
    session: {
      ...session,
      lastPosition,
      queue: own.map(({ position, delivery }) => ({ position, delivery })),
    },
    retained,
    interests,
    shadows,
  }
}

function parsed<T>(text: string | undefined): T | null {
  return text === undefined ? null : (JSON.parse(text) as T | null)
}
