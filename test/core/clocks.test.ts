// The core takes the calls of an edge whose clock is up to five minutes ahead or behind, and says by which clock it answers.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import type { AccessResponse } from '../../src/relay/access.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { RELAY_VERSION_MIN, relayPath } from '../../src/relay/version.ts'
import { type OneCore, startOneCore } from './one-core.ts'

const SECRET = 'a relay secret of at least thirty-two characters'
const EU = 'eu' as RegionId
const MINUTE = 60_000
/** How far the store's clock is ahead of the core's. */
const STORE_AHEAD_MS = 3 * MINUTE

let core: OneCore

beforeAll(async () => {
  const now = () => Date.now() + STORE_AHEAD_MS
  core = await startOneCore({ relaySecret: SECRET, clientTokenSecret: SECRET, now })
})

afterAll(() => core.close())

/** A call of an edge whose token was made at this time of the core's clock. */
async function call(name: string, signedAt: number, body: object): Promise<Response> {
  const signer = new RelaySigner(SECRET, edgeParty(EU), () => signedAt)
  return core.app.request(`${relayPath(RELAY_VERSION_MIN)}/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: await signer.authorization('core') },
    body: JSON.stringify({ fleet: DEFAULT_FLEET, region: EU, ...body }),
  })
}

const resolved = async (signedAt: number) => (await call('resolve', signedAt, { root: 'rooms/1' })).status

test.each([-5 * MINUTE, 0, 5 * MINUTE])('an edge whose clock is %s ms ahead is answered', async (aheadMs) => {
  expect(await resolved(Date.now() + aheadMs)).toBe(200)
})

test('one that is far off is not', async () => {
  // A token is good for five minutes besides.
  expect(await resolved(Date.now() - 10 * MINUTE - 2_000)).toBe(401)
  expect(await resolved(Date.now() + 5 * MINUTE + 2_000)).toBe(401)
})

test('who may connect as a device is answered by the store’s clock, which its credentials end by', async () => {
  const answer = await call('access', Date.now(), { client: 'lamp' })
  const { clock } = (await answer.json()) as AccessResponse
  expect(Math.abs(clock - Date.now() - STORE_AHEAD_MS)).toBeLessThan(5_000)
})
