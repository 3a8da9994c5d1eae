// Outcomes between actors: their values are part of the relay's contract, and their rules decide what a publisher is told.
import { describe, expect, test } from 'vitest'
import {
  Outcome,
  outcomeOf,
  outcomeOfAll,
  packOutcomes,
  readOutcomes,
  reasonOf,
  sameOutcome,
} from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'

const ALL: readonly Outcome[] = [...Object.values(Reason), ...Object.values(Outcome)]

test('the values that are no reason codes are those that every release sends', () => {
  expect(Outcome).toEqual({ Stored: 0x7f, ClientAway: 0xfe, NoSuchSession: 0xff })
  expect(new Set(ALL).size).toBe(ALL.length)
})

test('a batch of outcomes is a byte each, and is read back', () => {
  expect(packOutcomes(ALL)).toHaveLength(ALL.length)
  expect(readOutcomes(packOutcomes(ALL))).toEqual(ALL)
  expect(sameOutcome(Outcome.NoSuchSession, 3)).toEqual(Uint8Array.of(0xff, 0xff, 0xff))
})

test('an outcome that is missing or unknown is a failure of the receiver', () => {
  for (const byte of [undefined, 0x03, 0x7e, 0xfd, 256, -1, 0.5])
    expect(outcomeOf(byte)).toBe(Reason.UnspecifiedError)
})

test('a publisher gets reason codes only', () => {
  const codes: readonly number[] = Object.values(Reason)
  for (const outcome of ALL) expect(codes).toContain(reasonOf(outcome))
  expect(reasonOf(Outcome.Stored)).toBe(Reason.Success)
  expect(reasonOf(Reason.QuotaExceeded)).toBe(Reason.QuotaExceeded)
})

describe('the outcome of a message', () => {
  const { Success, NoMatchingSubscribers, QuotaExceeded } = Reason
  test.each([
    ['with nobody who wants it is that', [], NoMatchingSubscribers],
    ['with a receiver who has it is success', [NoMatchingSubscribers, Success], Success],
    [
      'with a receiver who has stored it says so',
      [Success, Outcome.Stored, NoMatchingSubscribers, Success],
      Outcome.Stored,
    ],
    [
      'with a receiver who could not take it is that failure',
      [Outcome.Stored, QuotaExceeded, Success],
      QuotaExceeded,
    ],
  ] as const)('%s', (_, outcomes, all) => {
    expect(outcomeOfAll(outcomes)).toBe(all)
  })
})
