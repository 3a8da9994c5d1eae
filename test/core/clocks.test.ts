// The core takes the calls of an edge whose clock is up to five minutes ahead or behind.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { RELAY_PATH } from '../../src/relay/version.ts'
import { type OneCore, startOneCore } from './one-core.ts'

const SECRET = 'a relay secret of at least thirty-two characters'
const EU = 'eu' as RegionId
const MINUTE = 60_000

let core: OneCore

beforeAll(async () => {
  core = await startOneCore({ relaySecret: SECRET, clientTokenSecret: SECRET })
})

afterAll(() => core.close())

/** The answer's status to a call whose token was made at this time of the core's clock. */
async function resolved(signedAt: number): Promise<number> {
  const signer = new RelaySigner(SECRET, edgeParty(EU), () => signedAt)
  const answer = await core.app.request(`${RELAY_PATH}/resolve`, {
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
