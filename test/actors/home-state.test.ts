// The pure step of a home: every event in every state, and what no history of events may bring about.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type HomeEvent,
  type HomeState,
  isHome,
  isImporting,
  isTaken,
  restored,
  type StoredHome,
  step,
  wasHomeBefore,
} from '../../actors/leaf/home/home-state.ts'
import { EU, US } from './samples.ts'

const stored = (state: StoredHome['state'], epoch: number): StoredHome => ({
  state,
  region: state === 'handed-over' || state === 'passed-over' ? US : EU,
  epoch,
})
const STORED = ['here', 'new', 'unfinished', 'failed-over', 'handed-over', 'passed-over'] as const
const here = (epoch: number) => ({ region: EU, epoch })
const there = (epoch: number) => ({ region: US, epoch })

function follow(state: StoredHome | null, ...events: HomeEvent[]): HomeState {
  return events.reduce((before, event) => step(before, event, EU).state, restored(state).state)
}

describe('a leaf that comes into memory', () => {
  test.each([
    [null, { is: 'unknown' }, []],
    [stored('here', 2), { is: 'here', epoch: 2 }, []],
    [stored('new', 2), { is: 'new', epoch: 2 }, ['wake']],
    [stored('unfinished', 2), { is: 'unfinished', epoch: 2, taken: false }, ['wake']],
    [stored('failed-over', 2), { is: 'failed-over', epoch: 2, taken: false }, ['wake']],
    [stored('handed-over', 2), { is: 'elsewhere', region: US, epoch: 2 }, []],
    [stored('passed-over', 2), { is: 'elsewhere', region: US, epoch: 2 }, []],
  ] as const)('with the row %j knows %j', (row, known, effects) => {
    const begun = restored(row)
    expect(begun.state).toEqual({ known, stored: row })
    expect(begun.effects.map((effect) => effect.do)).toEqual(effects)
  })
})

describe('an answer of the directory', () => {
  test.each([null, ...STORED.map((state) => stored(state, 2))])(
    'that names another region is known and not stored: %j',
    (row) => {
      const { state, effects } = step(restored(row).state, { is: 'resolved', home: there(3) }, EU)
      expect(state).toEqual({ known: { is: 'elsewhere', region: US, epoch: 3 }, stored: row })
      expect(effects).toEqual([])
    },
  )

  test.each([null, ...STORED.map((state) => stored(state, 2))])(
    'that names this region leads to a claim, unless its root is here at that epoch: %j',
    (row) => {
      const before = restored(row).state
      const { state, effects } = step(before, { is: 'resolved', home: here(2) }, EU)
      expect(state).toBe(before)
      expect(effects).toEqual(isHome(before.known) ? [] : [{ do: 'claim' }])
      expect(step(before, { is: 'resolved', home: here(3) }, EU).effects).toEqual([{ do: 'claim' }])
    },
  )
})

test.each([
  ['nothing', 'new', ['store']],
  ['home', 'unfinished', ['wake', 'store']],
  ['store', 'failed-over', ['wake', 'store']],
] as const)('a claim that imports %s makes the home %s', (imports, is, effects) => {
  for (const row of [null, ...STORED.map((state) => stored(state, 2))]) {
    const claimed = step(restored(row).state, { is: 'claimed', home: here(3), imports, stored: true }, EU)
    expect(claimed.state.known).toMatchObject({ is, epoch: 3 })
    expect(claimed.state.stored).toEqual({ state: is, region: EU, epoch: 3 })
    expect(claimed.effects.map((effect) => effect.do)).toEqual(effects)
  }
})

describe('taking up a home', () => {
  test('of which nothing is imported ends it', () => {
    expect(follow(stored('new', 2), { is: 'taken', epoch: 2 })).toEqual({
      known: { is: 'here', epoch: 2 },
      stored: stored('here', 2),
    })
  })

  test.each(['unfinished', 'failed-over'] as const)('that is %s is two steps, in any order', (is) => {
    const taken: HomeEvent = { is: 'taken', epoch: 2 }
    const imported: HomeEvent = { is: 'imported', epoch: 2 }
    expect(follow(stored(is, 2), taken)).toEqual({
      known: { is, epoch: 2, taken: true },
      stored: stored(is, 2),
    })
    expect(follow(stored(is, 2), imported)).toEqual({
      known: { is: 'new', epoch: 2 },
      stored: stored('new', 2),
    })
    for (const events of [
      [taken, imported],
      [imported, taken],
    ])
      expect(follow(stored(is, 2), ...events)).toEqual({
        known: { is: 'here', epoch: 2 },
        stored: stored('here', 2),
      })
  })

  test.each(STORED)('of another epoch changes nothing: %s', (is) => {
    const before = restored(stored(is, 3)).state
    for (const event of ['taken', 'imported'] as const)
      expect(step(before, { is: event, epoch: 2 }, EU)).toEqual({ state: before, effects: [] })
  })
})

describe('a home without a row', () => {
  const unstored = step(
    restored(null).state,
    { is: 'claimed', home: here(1), imports: 'nothing', stored: false },
    EU,
  )

  test('is here all the same, and its row comes with the first row of anything else', () => {
    expect(unstored).toEqual({
      state: { known: { is: 'new', epoch: 1 }, stored: null },
      effects: [{ do: 'store-later' }],
    })
    const taken = step(unstored.state, { is: 'taken', epoch: 1 }, EU)
    expect(taken).toEqual({ state: { known: { is: 'here', epoch: 1 }, stored: null }, effects: [] })
    const row = stored('here', 1)
    expect(step(taken.state, { is: 'stored' }, EU)).toEqual({
      state: { known: { is: 'here', epoch: 1 }, stored: row },
      effects: [{ do: 'store', home: row }],
    })
  })

  test('is stored again if the transaction that stored it failed', () => {
    const once = step(unstored.state, { is: 'stored' }, EU)
    expect(step(once.state, { is: 'stored' }, EU).effects).toEqual([{ do: 'store', home: stored('new', 1) }])
  })

  test('comes back from a connection’s attachment', () => {
    expect(restored(null, 1)).toEqual({
      state: { known: { is: 'here', epoch: 1 }, stored: null },
      effects: [],
    })
  })

  test('that has gone elsewhere leaves no row of its own', () => {
    const gone = step(unstored.state, { is: 'resolved', home: there(2) }, EU)
    expect(step(gone.state, { is: 'stored' }, EU)).toEqual({ state: gone.state, effects: [] })
  })
})

describe('a hand-over', () => {
  test.each([
    [null, 2, 'handed-over'],
    [null, 3, 'passed-over'],
    [stored('here', 2), 3, 'handed-over'],
    [stored('here', 2), 4, 'passed-over'],
    [stored('unfinished', 2), 3, 'handed-over'],
    [stored('handed-over', 3), 3, 'handed-over'],
    [stored('handed-over', 3), 4, 'passed-over'],
    [stored('passed-over', 3), 4, 'passed-over'],
  ] as const)('from the row %j at epoch %i is %s', (row, epoch, state) => {
    expect(wasHomeBefore(row, epoch)).toBe(state === 'handed-over')
    expect(follow(row, { is: 'handed-over', home: there(epoch) })).toEqual({
      known: { is: 'elsewhere', region: US, epoch },
      stored: { state, region: US, epoch },
    })
  })
})

describe('no history of events', () => {
  const epoch = fc.integer({ min: 1, max: 6 })
  /** As the directory gives them: a later answer never has a lower epoch, which `home.ts` refuses. */
  const events = fc.array(
    fc.oneof(
      fc.record({ is: fc.constant('resolved' as const), region: fc.constantFrom(EU, US), epoch }),
      fc.record({
        is: fc.constant('claimed' as const),
        epoch,
        imports: fc.constantFrom('nothing' as const, 'home' as const, 'store' as const),
        stored: fc.constant(true),
      }),
      fc.record({ is: fc.constantFrom('taken' as const, 'imported' as const), epoch }),
      fc.record({ is: fc.constant('handed-over' as const), epoch }),
    ),
    { maxLength: 30 },
  )

  test('lowers an epoch, forgets an import that is not ended, or stores another home than it knows', () => {
    fc.assert(
      fc.property(events, (history) => {
        let state = restored(null).state
        const epochOf = ({ known }: HomeState) => (known.is === 'unknown' ? 0 : known.epoch)
        for (const one of history) {
          const before = state
          if (one.is !== 'taken' && one.is !== 'imported' && one.epoch < epochOf(before)) continue
          const event: HomeEvent =
            one.is === 'resolved'
              ? { is: 'resolved', home: { region: one.region, epoch: one.epoch } }
              : one.is === 'claimed'
                ? { is: 'claimed', home: here(one.epoch), imports: one.imports, stored: one.stored }
                : one.is === 'handed-over'
                  ? { is: 'handed-over', home: there(one.epoch) }
                  : { is: one.is, epoch: one.epoch }
          const result = step(before, event, EU)
          state = result.state
          expect(epochOf(state)).toBeGreaterThanOrEqual(epochOf(before))
          expect(state.stored?.epoch ?? 0).toBeGreaterThanOrEqual(before.stored?.epoch ?? 0)
          // Only the end of an import, or another home, ends an import.
          if (isImporting(before.known) && !isImporting(state.known)) expect(event.is).not.toBe('taken')
          // A row is written exactly when it changes, and after a restart the leaf knows at least what is stored.
          const writes = result.effects.filter((effect) => effect.do === 'store')
          expect(writes.length).toBe(state.stored === before.stored ? 0 : 1)
          if (isHome(state.known) && isTaken(state.known) && !isImporting(state.known))
            expect(state.stored).toEqual({ state: 'here', region: EU, epoch: epochOf(state) })
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
