// A deployment whose region nobody can place does not start, in workerd as at the command line.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { EDGE_OPTIONS } from '../../src/cli/edge-options.ts'
import { bundleWorker } from '../../src/cli/up.ts'

const UNKNOWN = "nobody knows where the region 'factory' is"
const SECRET = 'a secret of at least thirty-two characters'

let dir: string
let contents: string

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'starling-worker-'))
  await bundleWorker(path.join(dir, 'worker.mjs'))
  contents = await readFile(path.join(dir, 'worker.mjs'), 'utf8')
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/** What workerd says if it does not start; the regions of `/livez` if it does. */
async function startWorker(settings: {
  REGIONS: string
  REGION?: string
  PACKET_BYTES_MAX?: string
}): Promise<unknown> {
  const worker = new Miniflare({
    ...EDGE_OPTIONS,
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents }],
    bindings: {
      ...settings,
      CORE_URL: 'http://127.0.0.1:1',
      RELAY_SECRET: SECRET,
      CLIENT_TOKEN_SECRET: SECRET,
    },
    handleRuntimeStdio: () => undefined,
  })
  try {
    const address = await worker.ready
    return await (await fetch(new URL('/livez', address))).json()
  } catch (error) {
    return String(error)
  } finally {
    await worker.dispose().catch(() => undefined)
  }
}

it('a Worker whose region has a place starts, also where the place is only stated', async () => {
  expect(await startWorker({ REGIONS: 'eu-west,factory@us' })).toEqual({ regions: ['eu-west', 'factory'] })
}, 60_000)

it('a Worker whose region has no known place does not start', async () => {
  expect(await startWorker({ REGIONS: 'eu,factory' })).toContain(UNKNOWN)
  expect(await startWorker({ REGIONS: 'eu', REGION: 'factory' })).toContain(UNKNOWN)
}, 60_000)

it('a Worker with larger packets than its calls and rows have room for does not start', async () => {
  expect(await startWorker({ REGIONS: 'eu', PACKET_BYTES_MAX: '2097152' })).toContain(
    "PACKET_BYTES_MAX is '2097152'",
  )
}, 60_000)

it('starling up refuses a region that has no known place', async () => {
  const program = path.join(import.meta.dirname, '../../src/cli/starling.ts')
  const said = await new Promise<string>((done) => {
    execFile(process.execPath, [program, 'up', '--dir', dir, '--regions', 'eu,factory'], (_, __, stderr) => {
      done(stderr)
    })
  })
  expect(said).toContain(UNKNOWN)
  expect(said).toContain('factory@eu')
})
