// What a leaf knows of its root's home, and how events change it: a pure step. `home.ts` performs the effects.
import type { RegionId } from '../../../src/id/ids.ts'
import { FIRST_EPOCH, type HomeAnswer } from '../../../src/relay/home-answer.ts'

/**
 * Where the home is, in memory. This region is the home in four ways:
 * `new`: nothing had to be imported, but messages that wait in the uplink come before all others.
 * `unfinished`: the former home's state is here, and former homes may send more.
 * `failed-over`: the same, but the state came from the core's store, since the former home's region did not answer.
 * `here`: all of that is done. `taken`: the waiting messages are accepted, the import goes on.
 */
export type KnownHome =
  | { readonly is: 'unknown' }
  | { readonly is: 'here' | 'new'; readonly epoch: number }
  | { readonly is: 'unfinished' | 'failed-over'; readonly epoch: number; readonly taken: boolean }
  | { readonly is: 'elsewhere'; readonly region: RegionId; readonly epoch: number }

/**
 * The row of the home table. `handed-over`: this region was the home just before the one that the row names. `passed-over`: it was
 * not, or only earlier. A home that the directory names and this region never was is not stored.
 */
export interface StoredHome {
  readonly state: 'here' | 'new' | 'unfinished' | 'failed-over' | 'handed-over' | 'passed-over'
  readonly region: RegionId
  readonly epoch: number
}

export interface HomeState {
  readonly known: KnownHome
  /** Null if this leaf never stored a home. This region may be the home without a row, while nothing else is stored either. */
  readonly stored: StoredHome | null
}

export type HomeEvent =
  /** The directory has answered with its home. */
  | { readonly is: 'resolved'; readonly home: HomeAnswer }
  /** The directory has made this region the home. @see KnownHome for `imports`. `stored`: false if the row may wait. */
  | {
      readonly is: 'claimed'
      readonly home: HomeAnswer
      readonly imports: 'nothing' | 'home' | 'store'
      readonly stored: boolean
    }
  /** The first row of anything else is about to be stored: the home's row must come with it. */
  | { readonly is: 'stored' }
  /** The messages that waited in the uplink are accepted. */
  | { readonly is: 'taken'; readonly epoch: number }
  /** All former homes have sent everything. */
  | { readonly is: 'imported'; readonly epoch: number }
  /** Another region is the home from now on. */
  | { readonly is: 'handed-over'; readonly home: HomeAnswer }

export type HomeEffect =
  /** In the transaction of the event. */
  | { readonly do: 'store'; readonly home: StoredHome }
  /** Before the first row of anything else. */
  | { readonly do: 'store-later' }
  /** This region is the home by the directory, and has not imported the root: claim it. */
  | { readonly do: 'claim' }
  /** If the process dies, an alarm must go on with what is not done. */
  | { readonly do: 'wake' }
  /** Former homes send nothing more. */
  | { readonly do: 'import-ended' }

interface Step {
  readonly state: HomeState
  readonly effects: readonly HomeEffect[]
}

/**
 * The state of a leaf that comes into memory.
 * @param unstored epoch of this home if a connection's attachment has it and no row does
 */
export function restored(stored: StoredHome | null, unstored: number | null = null): Step {
  const known: KnownHome = unstored === null ? knownOf(stored) : { is: 'here', epoch: unstored }
  const state = { known, stored }
  return { state, effects: isTaken(state.known) ? [] : [{ do: 'wake' }] }
}

/** @param here this leaf's region */
export function step(state: HomeState, event: HomeEvent, here: RegionId): Step {
  const { known } = state
  switch (event.is) {
    case 'resolved':
      if (event.home.region !== here)
        return { state: { ...state, known: { is: 'elsewhere', ...event.home } }, effects: [] }
      return { state, effects: isHome(known) && known.epoch === event.home.epoch ? [] : [{ do: 'claim' }] }
    case 'claimed': {
      const is = event.imports === 'nothing' ? 'new' : event.imports === 'home' ? 'unfinished' : 'failed-over'
      const stored: StoredHome = { state: is, ...event.home }
      if (!event.stored)
        return { state: { known: knownOf(stored), stored: null }, effects: [{ do: 'store-later' }] }
      const wake: HomeEffect[] = is === 'new' ? [] : [{ do: 'wake' }]
      return { state: { known: knownOf(stored), stored }, effects: [...wake, { do: 'store', home: stored }] }
    }
    case 'stored': {
      // Also if the row is stored: the transaction that stored it may have failed.
      if (!isHome(known)) return { state, effects: [] }
      const stored: StoredHome = { state: known.is, region: here, epoch: known.epoch }
      return { state: { known, stored }, effects: [{ do: 'store', home: stored }] }
    }
    case 'taken':
      if (!isHome(known) || known.epoch !== event.epoch) return { state, effects: [] }
      if (known.is === 'new' && state.stored === null)
        return { state: { known: { is: 'here', epoch: known.epoch }, stored: null }, effects: [] }
      if (known.is === 'new') return becomes('here', state, here, [])
      if (!isImporting(known)) return { state, effects: [] }
      return { state: { ...state, known: { ...known, taken: true } }, effects: [] }
    case 'imported':
      if (!isImporting(known) || known.epoch !== event.epoch) return { state, effects: [] }
      return becomes(known.taken ? 'here' : 'new', state, here, [{ do: 'import-ended' }])
    case 'handed-over': {
      const stored: StoredHome = {
        state: wasHomeBefore(state.stored, event.home.epoch) ? 'handed-over' : 'passed-over',
        ...event.home,
      }
      return { state: { known: knownOf(stored), stored }, effects: [{ do: 'store', home: stored }] }
    }
    default:
      return event satisfies never
  }
}

/** Whether this region is the home. */
export function isHome(
  known: KnownHome,
): known is Extract<KnownHome, { is: 'here' | 'new' | 'unfinished' | 'failed-over' }> {
  return known.is !== 'unknown' && known.is !== 'elsewhere'
}

/** Whether former homes may send more. */
export function isImporting(
  known: KnownHome,
): known is Extract<KnownHome, { is: 'unfinished' | 'failed-over' }> {
  return known.is === 'unfinished' || known.is === 'failed-over'
}

/** Whether no messages wait in the uplink that must be accepted before all others. */
export function isTaken(known: KnownHome): boolean {
  return known.is === 'new' ? false : isImporting(known) ? known.taken : true
}

/** Whether no other home came between this region and the home with that epoch. */
export function wasHomeBefore(stored: StoredHome | null, epoch: number): boolean {
  // A root that never stored anything has nothing to lose.
  if (stored === null) return epoch <= FIRST_EPOCH + 1
  if (stored.state === 'passed-over') return false
  return stored.epoch === (stored.state === 'handed-over' ? epoch : epoch - 1)
}

function becomes(
  is: 'here' | 'new',
  state: HomeState,
  region: RegionId,
  effects: readonly HomeEffect[],
): Step {
  const { epoch } = state.known as Extract<KnownHome, { epoch: number }>
  const stored: StoredHome = { state: is, region, epoch }
  return { state: { known: { is, epoch }, stored }, effects: [{ do: 'store', home: stored }, ...effects] }
}

function knownOf(stored: StoredHome | null): KnownHome {
  if (stored === null) return { is: 'unknown' }
  const { state, region, epoch } = stored
  switch (state) {
    case 'here':
    case 'new':
      return { is: state, epoch }
    case 'unfinished':
    case 'failed-over':
      return { is: state, epoch, taken: false }
    case 'handed-over':
    case 'passed-over':
      return { is: 'elsewhere', region, epoch }
    default:
      return state satisfies never
  }
}
