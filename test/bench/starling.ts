import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { localSchema } from '../../src/cli/local.ts'
import { issueTokens, startStarling as startLocal } from '../load/local.ts'
import type { Route, StartContext, System } from './system.ts'

const CLI = resolve(import.meta.dirname, '../../src/cli/starling.ts')

export async function startStarling({ children, scratch, reports }: StartContext): Promise<System> {
  await startLocal(CLI, scratch, join(reports, 'bench-starling.log'), children)
  const local = localSchema.parse(JSON.parse(await readFile(join(scratch, 'local.json'), 'utf8')))
  const [here, there] = Object.values(local.regions)
  if (here === undefined || there === undefined) throw new Error('Starling runs fewer than two regions')
  const inOneRegion: Route = {
    name: 'Starling, one region',
    key: 'one',
    publisherUrl: (id) => `${here.mqtt}/${id}`,
    subscriberUrl: (id) => `${here.mqtt}/${id}`,
  }
  const acrossRegions: Route = { ...inOneRegion, name: 'Starling, two regions', key: 'two' }
  return {
    routes: [inOneRegion, { ...acrossRegions, publisherUrl: (id) => `${there.mqtt}/${id}` }],
    serverPids: [...Object.values(local.regions), local.core].map(({ pid }) => pid),
    passwords: (ids) => issueTokens(CLI, scratch, ids),
  }
}
