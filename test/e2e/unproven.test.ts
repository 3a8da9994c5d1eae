// Handshakes without a token at a Worker as it is deployed: which are refused before an actor is made, on real workerd.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { EDGE_OPTIONS } from '../../src/cli/edge-options.ts'
import { bundleWorker } from '../../src/cli/up.ts'

const SECRET = 'a secret of at least thirty-two characters'
const PER_MINUTE = 20

let dir: string
let worker: Miniflare
let url: URL
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'starling-unproven-'))
  await bundleWorker(path.join(dir, 'worker.mjs'))
  worker = new Miniflare({
    ...EDGE_OPTIONS,
    modules: [
      {
        type: 'ESModule',
        path: 'worker.mjs',
        contents: await readFile(path.join(dir, 'worker.mjs'), 'utf8'),
      },
    ],
    durableObjectsPersist: path.join(dir, 'state'),
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    bindings: {
      REGIONS: 'eu',
      FLEETS: 'acme',
      UNPROVEN_PER_MINUTE: String(PER_MINUTE),
      CORE_URL: 'http://127.0.0.1:1',
      RELAY_SECRET: SECRET,
      CLIENT_TOKEN_SECRET: SECRET,
    },
    handleRuntimeStdio: () => undefined,
  })
  await worker.ready
  url = await worker.unsafeGetDirectURL()
}, 60_000)
afterAll(async () => {
  await worker.dispose()
  await rm(dir, { recursive: true, force: true })
})

/** The status of a handshake; the socket is closed at once. */
function handshake(target: string, address: string): Promise<number> {
  return new Promise((done, failed) => {
    const request = http.get({
      host: url.hostname,
      port: url.port,
      path: target,
      agent: false,
      headers: {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        'sec-websocket-protocol': 'mqtt',
        'cf-connecting-ip': address,
      },
    })
    request.on('upgrade', (response, socket) => {
      socket.destroy()
      done(response.statusCode ?? 0)
    })
    request.on('response', (response) => {
      response.resume()
      done(response.statusCode ?? 0)
    })
    request.on('error', failed)
  })
}

/** Databases of actors, which workerd makes with the actor; and the tables in them. */
async function actors(): Promise<{ made: number; tables: string[] }> {
  const state = path.join(dir, 'state')
  const files = await readdir(state, { recursive: true }).catch(() => [])
  const made = files.filter((name) => name.endsWith('.sqlite') && !name.endsWith('metadata.sqlite'))
  const tables = made.flatMap((name) => {
    const database = new DatabaseSync(path.join(state, name), { readOnly: true })
    const rows = database
      .prepare("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .all()
    database.close()
    return rows.map((row) => String(row.name))
  })
  return { made: made.length, tables }
}

async function statuses(targets: readonly string[], address: string): Promise<Record<number, number>> {
  const counted: Record<number, number> = {}
  for (const target of targets) {
    const status = await handshake(target, address)
    counted[status] = (counted[status] ?? 0) + 1
  }
  return counted
}

it('random fleets are refused each time, listed ones are not', async () => {
  const random = Array.from({ length: 300 }, (_, i) => `/mqtt/lamp?fleet=f${i}`)
  expect(await statuses(random, '192.0.2.1')).toEqual({ 403: 300 })
  expect(await actors()).toEqual({ made: 0, tables: [] })
  expect(await statuses(['/mqtt/lamp?fleet=acme', '/mqtt/lamp', '/mqtt'], '192.0.2.1')).toEqual({ 101: 3 })
})

it('random ids of one address make as many actors as are allowed, and no row', async () => {
  const before = (await actors()).made
  const random = Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? `/mqtt/random-${i}` : '/mqtt'))
  expect(await statuses(random, '192.0.2.2')).toEqual({ 101: PER_MINUTE, 429: 300 - PER_MINUTE })
  expect(await actors()).toEqual({ made: before + PER_MINUTE, tables: [] })
  expect(await statuses(['/mqtt/lamp'], '192.0.2.3')).toEqual({ 101: 1 })
})
