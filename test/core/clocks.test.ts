// The core takes the calls of an edge whose clock is up to five minutes ahead or behind.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { coreApp } from '../../k8s-core/app.ts'
import { Directory } from '../../k8s-core/directory.ts'
import { Edges } from '../../k8s-core/edges.ts'
import { Registry } from '../../k8s-core/registry/registry.ts'
import { Relay } from '../../k8s-core/relay.ts'
import type { RegisteringStore } from '../../k8s-core/store/port.ts'
import { openSqliteStore } from '../../k8s-core/store/sqlite.ts'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { RELAY_PATH } from '../../src/relay/version.ts'

const SECRET = 'a relay secret of at least thirty-two characters'
const EU = 'eu' as RegionId
const MINUTE = 60_000

let dir: string
let store: RegisteringStore
let app: ReturnType<typeof coreApp>

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'starling-clocks-'))
  store = await openSqliteStore(path.join(dir, 'core.sqlite'))
  await store.migrate()
  const edges = new Edges(new Map(), SECRET)
  const directory = new Directory(store, edges)
  app = coreApp({
    store,
    directory,
    relay: new Relay(directory, edges),
    registry: new Registry(store.registry, edges, pino({ level: 'silent' })),
    relaySecret: SECRET,
    clientTokenSecret: SECRET,
    log: pino({ level: 'silent' }),
    draining: () => false,
  })
})

afterAll(async () => {
  await store.close()
  await rm(dir, { recursive: true, force: true })
})

/** The answer's status to a call whose token was made at this time of the core's clock. */
async function resolved(signedAt: number): Promise<number> {
  const signer = new RelaySigner(SECRET, edgeParty(EU), () => signedAt)
  const answer = await app.request(`${RELAY_PATH}/resolve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: await signer.authorization('core') },
    body: JSON.stringify({ fleet: DEFAULT_FLEET, root: 'rooms/1', region: EU }),
  })
  return answer.status
}

test.each([-5 * MINUTE, 0, 5 * MINUTE])('an edge whose clock is %s ms ahead is answered', async (aheadMs) => {
  expect(await resolved(Date.now() + aheadMs)).toBe(200)
})

test('one that is far off is not', async () => {
  // A token is good for five minutes besides.
  expect(await resolved(Date.now() - 10 * MINUTE - 2_000)).toBe(401)
  expect(await resolved(Date.now() + 5 * MINUTE + 2_000)).toBe(401)
})
