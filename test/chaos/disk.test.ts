// A disk of the chaos run that is made full really is, and has room again afterwards.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Disk } from './disk.ts'

const MIB = 1024 * 1024

let folder: string
let disk: Disk | null
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-disk-'))
  disk = await Disk.mount(path.join(folder, 'eu'), 4 * MIB)
})
afterEach(async () => {
  disk?.unmount()
  await rm(folder, { recursive: true, force: true })
})

it('refuses what would grow while it is full, keeps what is there, and has room again after', async ({
  skip,
}) => {
  if (disk === null) return skip('mounting takes a right that this process does not have')
  const file = (name: string) => path.join(folder, 'eu', name)
  await writeFile(file('before'), 'x'.repeat(MIB))
  await disk.fill()
  await expect(writeFile(file('during'), 'y'.repeat(10_000))).rejects.toMatchObject({ code: 'ENOSPC' })
  expect((await readFile(file('before'))).length).toBe(MIB)
  await disk.makeRoom()
  await writeFile(file('after'), 'z'.repeat(MIB))
  expect(await disk.used()).toBeGreaterThanOrEqual(2 * MIB)
})
