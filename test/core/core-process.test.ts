// The core as it is shipped: the one bundled file of the Dockerfile, its probes, and its drain.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { RELAY_VERSION_MIN, relayPath } from '../../src/relay/version.ts'
import { until } from '../e2e/system.ts'

const PROJECT = path.join(import.meta.dirname, '..', '..')
const BUNDLE = path.join(PROJECT, 'dist', 'core.mjs')
/** What POSIX's `ulimit -f` counts in. */
const SHELL_BLOCK_BYTES = 512
const EU = 'eu' as RegionId
const SECRET = 'a relay secret of at least thirty-two characters'

let dir: string
const children: ChildProcess[] = []

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'starling-core-'))
  execFileSync('npm', ['run', '-s', 'build:core'], { cwd: PROJECT, stdio: 'pipe' })
}, 60_000)

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(dir, { recursive: true, force: true })
})

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** @param fileBytesMax no file may become larger: as on a disk that is full */
function run(env: Record<string, string>, fileBytesMax?: number): ChildProcess {
  const command = [process.execPath, '--enable-source-maps', BUNDLE]
  const limit = fileBytesMax === undefined ? 'unlimited' : String(fileBytesMax / SHELL_BLOCK_BYTES)
  // Away from the project, so that nothing is found in its node_modules.
  const child = spawn('sh', ['-c', `ulimit -S -f ${limit}; exec "$@"`, 'sh', ...command], {
    cwd: dir,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

async function status(url: string): Promise<number> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).status
  } catch {
    return 0
  }
}

describe('the bundled core', () => {
  it('serves its probes, and on SIGTERM is not ready but still serves, then ends with 0', {
    timeout: 30_000,
  }, async () => {
    const port = await freePort()
    const core = run({
      PORT: String(port),
      RELAY_SECRET: SECRET,
      CLIENT_TOKEN_SECRET: SECRET,
      STORE: 'sqlite',
      SQLITE_PATH: path.join(dir, 'core.sqlite'),
      EDGES: 'eu=http://127.0.0.1:9',
      DRAIN_MS: '1500',
    })
    const url = `http://127.0.0.1:${port}`
    await until(async () => (await status(`${url}/readyz`)) === 200)
    const ended = new Promise<number | null>((done) => core.once('exit', (code) => done(code)))
    core.kill('SIGTERM')
    await until(async () => (await status(`${url}/readyz`)) === 503)
    expect(await status(`${url}/livez`)).toBe(200)
    expect(await ended).toBe(0)
    expect(await status(`${url}/livez`)).toBe(0)
  })

  it('takes no memory for bodies without a token', { timeout: 60_000 }, async () => {
    const port = await freePort()
    const core = run({
      PORT: String(port),
      RELAY_SECRET: SECRET,
      CLIENT_TOKEN_SECRET: SECRET,
      STORE: 'sqlite',
      SQLITE_PATH: path.join(dir, 'bodies.sqlite'),
      EDGES: 'eu=http://127.0.0.1:9',
    })
    await until(async () => (await status(`http://127.0.0.1:${port}/readyz`)) === 200)
    const peakMb = () =>
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${core.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
    const before = peakMb()
    const piece = Buffer.alloc(1024 * 1024)
    const statuses = await Promise.all(
      Array.from(
        { length: 8 },
        () =>
          new Promise<number>((done, failed) => {
            const sent = request({
              port,
              path: `${relayPath(RELAY_VERSION_MIN)}/envelopes`,
              method: 'POST',
              headers: { 'transfer-encoding': 'chunked', 'content-type': 'application/json' },
            })
            sent.on('error', failed)
            sent.on('response', (answer) => {
              answer.resume()
              done(answer.statusCode ?? 0)
            })
            for (let i = 0; i < 30; i++) sent.write(piece)
            sent.end()
          }),
      ),
    )
    expect(statuses).toEqual(Array(8).fill(401))
    await sleep(500)
    // Of the 240 MB that were sent. Read whole they took 336 MB; the sockets' own buffers may take some 80.
    expect(peakMb() - before).toBeLessThan(160)
  })

  it('refuses what it cannot store when its disk is full, serves what it has, and has it all after the disk was made larger', {
    timeout: 60_000,
  }, async () => {
    const signer = new RelaySigner(SECRET, edgeParty(EU))
    const port = await freePort()
    const env = {
      PORT: String(port),
      RELAY_SECRET: SECRET,
      CLIENT_TOKEN_SECRET: SECRET,
      STORE: 'sqlite',
      SQLITE_PATH: path.join(dir, 'full.sqlite'),
      EDGES: 'eu=http://127.0.0.1:9',
    }
    const url = `http://127.0.0.1:${port}`
    const resolve = async (n: number) => {
      const body = { fleet: DEFAULT_FLEET, root: `rooms/${n}-${'x'.repeat(200)}`, region: EU }
      const response = await fetch(`${url}${relayPath(RELAY_VERSION_MIN)}/resolve`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: await signer.authorization('core') },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
    const full = run(env, 128 * 1024)
    await until(async () => (await status(`${url}/readyz`)) === 200)
    let stored = 0
    let answer = await resolve(stored)
    for (; answer.status === 200 && stored < 5_000; answer = await resolve(stored)) stored++
    expect(stored).toBeGreaterThan(10)
    expect(stored).toBeLessThan(5_000)
    expect(answer).toMatchObject({ status: 500, body: { title: expect.any(String), status: 500 } })
    expect(await status(`${url}/livez`)).toBe(200)
    expect(await resolve(0)).toEqual({ status: 200, body: { home: { region: EU, epoch: 1 } } })
    full.kill('SIGKILL')

    await until(async () => (await status(`${url}/livez`)) === 0)
    run(env)
    await until(async () => (await status(`${url}/readyz`)) === 200)
    for (let n = 0; n <= stored; n++)
      expect((await resolve(n)).body).toEqual({ home: { region: EU, epoch: 1 } })
  })

  it('ends at once with every variable that is wrong', { timeout: 20_000 }, async () => {
    const core = run({ EDGES: 'eu', RELAY_SECRET: 'short', STORE: 'sqlite' })
    let said = ''
    core.stderr?.on('data', (chunk) => {
      said += chunk
    })
    const code = await new Promise<number | null>((done) => core.once('exit', (exit) => done(exit)))
    expect(code).not.toBe(0)
    expect(said).toContain("EDGES: 'eu' is not region=url")
    expect(said).toContain('RELAY_SECRET')
    expect(said).toContain('CLIENT_TOKEN_SECRET')
  })
})
