// Each room of a device and of a leaf is entered by its doors only.
import { expect, test } from 'vitest'
import { importsThroughWalls, ROOMS } from './rooms.ts'
import { importsOf, sourcesIn } from './sources.ts'

const sources = sourcesIn('actors')

test('rooms are entered by their doors only', () => {
  expect(sources.length).toBeGreaterThan(100)
  expect(sources.flatMap(importsThroughWalls)).toEqual([])
})

test('an import through a wall is found', () => {
  const text = "import { Outbound } from '../session/write-behind.ts'"
  expect(importsThroughWalls({ file: 'actors/device/replay/history-replay.ts', text })).toHaveLength(1)
  expect(importsThroughWalls({ file: 'actors/device/session/session-writer.ts', text })).toEqual([])
  const fromBeside = "import { Outbound } from './session/write-behind.ts'"
  expect(importsThroughWalls({ file: 'actors/device/device-parts.ts', text: fromBeside })).toEqual([])
})

test('every folder of a device and of a leaf is a room, and every door is used', () => {
  const folders = new Set(
    sources
      .map(({ file }) => file.split('/').slice(0, -1).join('/'))
      .filter((folder) => /^actors\/(device|leaf)\//.test(folder)),
  )
  expect([...folders].sort()).toEqual(Object.keys(ROOMS).sort())
  const unused = Object.entries(ROOMS).flatMap(([room, { doors }]) =>
    doors
      .map((door) => `${room}/${door}`)
      .filter(
        (door) =>
          !sources.some((source) => !source.file.startsWith(`${room}/`) && importsOf(source).includes(door)),
      ),
  )
  expect(unused).toEqual([])
})
