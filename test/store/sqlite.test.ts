// The SQLite store under the shared suite, and under several processes on one file.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { openSqliteStore } from '../../k8s-core/store/sqlite.ts'
import { DEFAULT_FLEET, type Root } from '../../src/id/ids.ts'
import { changeOf, SESSION } from './state-suite.ts'
import { describeStore, type StorePlace } from './store-suite.ts'

async function newPlace(): Promise<StorePlace & { file: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'starling-store-'))
  // In a folder that is not there yet.
  const file = path.join(folder, 'state', 'core.sqlite')
  return {
    file,
    open: () => openSqliteStore(file),
    drop: () => rm(folder, { recursive: true }),
  }
}

describeStore('the SQLite store', newPlace)

it('what a region has synced comes back by the region’s clock exactly, computed from the file’s', async () => {
  const place = await newPlace()
  const minutes = (count: number) => 1_700_000_000_000 + count * 60_000
  let now = minutes(0)
  const store = await openSqliteStore(place.file, () => now)
  try {
    await store.migrate()
    const root = 'devices/lamp' as Root
    // The region is five minutes ahead.
    await store.putState(changeOf(root, 1, 1, { session: SESSION, clock: minutes(5) }))
    now = minutes(60)
    expect(await store.takeState(DEFAULT_FLEET, root, 2)).toMatchObject({ clock: minutes(65) })
  } finally {
    await store.close()
    await place.drop()
  }
})

it('three processes that open, migrate and claim at once have one winner per epoch', async () => {
  const place = await newPlace()
  try {
    const claimer = path.join(import.meta.dirname, 'sqlite-claimer.ts')
    const runs = await Promise.all(
      ['eu', 'us', 'ap'].map((region) =>
        promisify(execFile)(process.execPath, [claimer, place.file, region]),
      ),
    )
    const won = runs.flatMap(({ stdout }) => JSON.parse(stdout) as number[])
    expect(won.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
  } finally {
    await place.drop()
  }
}, 30_000)
