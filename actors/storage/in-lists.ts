// Positions as the lists of `IN (…)`: the platform bounds a statement's length and its steps.
import { SQL_LIST_MAX } from '../limits.ts'

/** A list for each statement that names all of the positions. */
export function inLists(positions: readonly number[]): string[] {
  const lists: string[] = []
  for (let at = 0; at < positions.length; at += SQL_LIST_MAX)
    lists.push(
      positions
        .slice(at, at + SQL_LIST_MAX)
        .map((position) => Math.trunc(position))
        .join(', '),
    )
  return lists
}
