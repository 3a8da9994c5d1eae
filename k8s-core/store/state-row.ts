// From what a store has of a root to the state that a new home begins with.
import type { HandoverState, RegionInterest, SessionState } from '../../src/relay/home.ts'
import type { RootChange } from '../../src/relay/sync.ts'

interface QueueRow {
  readonly position: number
  readonly session: string
  readonly delivery: Uint8Array
}

/**
 * How far the store's clock is ahead of the region's, where the change has times in it: the store keeps them as they come.
 * Null where it has none.
 */
export function clockAheadMs({ clock, session, retained }: RootChange, now: number): number | null {
  return session === undefined && retained.length === 0 ? null : now - clock
}

/**
 * @param sessionEpoch of the home that has written the session; 0 for none
 * @param queue in the order of positions; what another session has left is not the session's
 * @param now the store's clock
 */
export function syncedState(
  values: ReadonlyMap<string, string>,
  sessionEpoch: number,
  queue: readonly QueueRow[],
  retained: HandoverState['retained'],
  shadows: HandoverState['shadows'],
  now: number,
): HandoverState {
  const clock = now - (parsed<number>(values.get('clock')) ?? 0)
  const session = parsed<Omit<SessionState, 'queue'>>(values.get('session'))
  const interests = parsed<RegionInterest[]>(values.get('interests')) ?? []
  // Of presence the last event is enough: it is among the retained.
  const state = { clock, sessionEpoch, retained, interests, shadows, presence: [] }
  if (session === null) return { ...state, session: null }
  const own = queue.filter((row) => row.session === session.id)
  const lastPosition = Math.max(session.lastPosition, own.at(-1)?.position ?? 0)
  return {
    ...state,
    session: {
      ...session,
      lastPosition,
      queue: own.map(({ position, delivery }) => ({ position, delivery })),
    },
  }
}

function parsed<T>(text: string | undefined): T | null {
  return text === undefined ? null : (JSON.parse(text) as T | null)
}
