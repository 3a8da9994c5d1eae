// The row of the home table.
import type { RegionId } from '../../../src/id/ids.ts'
import type { Storage } from '../../platform.ts'
import { HOME_ROWS } from '../schema.ts'
import type { StoredHome } from './home-state.ts'

/** Null if this leaf never stored a home. */
export function readHome(storage: Storage): StoredHome | null {
  const [row] = storage.rows(HOME_ROWS)
  if (row === undefined) return null
  const state = String(row.state) as StoredHome['state']
  return { state, region: String(row.region) as RegionId, epoch: Number(row.epoch) }
}

export function writeHome(storage: Storage, { region, epoch, state }: StoredHome): void {
  storage.exec(
    'INSERT OR REPLACE INTO home (one, region, epoch, state) VALUES (1, ?, ?, ?)',
    region,
    epoch,
    state,
  )
}
