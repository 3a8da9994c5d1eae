// An actor whose storage refuses a write for want of room ends; nothing else ends it.
import { expect, test } from 'vitest'
import { orEnd } from '../../actors/hosts/workerd/storage-full.ts'

/** How often the actor was ended by this failure, which goes on to whoever wrote. */
function ended(failure: Error): number {
  let times = 0
  const use = () => {
    throw failure
  }
  expect(() => orEnd(use, () => times++)).toThrow(failure)
  return times
}

test('a disk that is full ends the actor; a statement that is wrong does not', () => {
  expect(ended(new Error('database or disk is full: SQLITE_FULL'))).toBe(1)
  expect(ended(new Error('no such table: home: SQLITE_ERROR'))).toBe(0)
  expect(
    orEnd(
      () => 'rows',
      () => expect.unreachable(),
    ),
  ).toBe('rows')
})
