// Properties that do not hold, to see that a fuzz run says so.
import fc from 'fast-check'
import { type Fuzz, fuzz } from './fuzz.ts'

export const PROPERTIES: readonly Fuzz[] = [
  fuzz('small', 1, fc.nat(1_000_000), (value) => {
    if (value > 1_000) throw new Error('too large')
  }),
  fuzz('ends', 1, fc.nat(99), (value) => {
    // No state changes, and no condition is false for long: a loop without an end.
    while (value === 42);
  }),
  fuzz('survives', 1, fc.nat(99), (value) => {
    // Not thrown by the check, but by what it left behind.
    if (value === 42) setImmediate(() => fail(value))
  }),
  fuzz('holds', 1, fc.nat(), () => undefined),
]

function fail(value: number): never {
  throw new Error(`thrown later, by ${value}`)
}
