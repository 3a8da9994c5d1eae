// A SQLite database in memory, within the bounds that the platform sets for an actor's.
import { DatabaseSync } from 'node:sqlite'
import {
  PLATFORM_BINDINGS_MAX,
  PLATFORM_COLUMNS_MAX,
  PLATFORM_COMPOUND_SELECT_MAX,
  PLATFORM_LIKE_BYTES_MAX,
  PLATFORM_ROW_BYTES_MAX,
  PLATFORM_STATEMENT_BYTES_MAX,
  PLATFORM_STATEMENT_STEPS_MAX,
} from '../../actors/platform-bounds.ts'

export function limitedDatabase(): DatabaseSync {
  return new DatabaseSync(':memory:', {
    limits: {
      length: PLATFORM_ROW_BYTES_MAX,
      sqlLength: PLATFORM_STATEMENT_BYTES_MAX,
      column: PLATFORM_COLUMNS_MAX,
      compoundSelect: PLATFORM_COMPOUND_SELECT_MAX,
      vdbeOp: PLATFORM_STATEMENT_STEPS_MAX,
      likePatternLength: PLATFORM_LIKE_BYTES_MAX,
      variableNumber: PLATFORM_BINDINGS_MAX,
    },
  })
}
