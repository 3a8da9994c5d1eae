// The folder of a local run.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadSecrets, readSecrets } from '../../src/cli/local.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'starling-local-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

it('has its secrets made once, and read from then on', async () => {
  const made = await loadSecrets(dir)
  expect(await loadSecrets(dir)).toEqual(made)
  expect(await readSecrets(dir)).toEqual(made)
})

it('that an older version has made is refused, with what to do', async () => {
  await writeFile(path.join(dir, 'secrets.json'), '{ "relaySecret": "a", "clientTokenSecret": "b" }')
  await expect(loadSecrets(dir)).rejects.toThrow(/not of this version of Starling; remove it .* --dir/)
})
