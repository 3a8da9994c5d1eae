// What the core tells Prometheus is what happened.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CoreMetrics } from '../../k8s-core/metrics.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import { noChange, type RootChange } from '../../src/relay/sync.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { RELAY_VERSION_MIN, relayPath } from '../../src/relay/version.ts'
import { type OneCore, startOneCore } from './one-core.ts'

const SECRET = 'a relay secret of at least thirty-two characters'
const EU = 'eu' as RegionId
const signer = new RelaySigner(SECRET, edgeParty(EU))

const metrics = new CoreMetrics()
let core: OneCore

beforeAll(async () => {
  core = await startOneCore({ relaySecret: SECRET, clientTokenSecret: SECRET, metrics })
})

afterAll(() => core.close())

/** The value of a line of the text that Prometheus reads. */
async function value(line: string): Promise<number> {
  const text = await (await metrics.response()).text()
  const found = text.split('\n').find((one) => one.startsWith(`${line} `))
  if (found === undefined) throw new Error(`no ${line} in\n${text}`)
  return Number(found.slice(line.length))
}

function change(root: string, more: Partial<RootChange>): RootChange {
  const whose = { fleet: DEFAULT_FLEET, root: root as Root, epoch: 1, version: 1, clock: 1_000_000 }
  return { ...whose, ...noChange(), ...more }
}

async function sync(...roots: RootChange[]): Promise<unknown> {
  const answer = await core.app.request(`${relayPath(RELAY_VERSION_MIN)}/sync`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: await signer.authorization('core') },
    body: JSON.stringify({ region: EU, roots }),
  })
  return answer.json()
}

test('a sync counts by its result, and its lag by the clock of the region, however wrong that is', async () => {
  const shadows = [{ path: 'shadow', shadow: '{}' }]
  await core.store.takeState(DEFAULT_FLEET, 'devices/moved' as Root, 2)
  const answer = await sync(
    // Region clocks say 1,000 s after the epoch: only the difference counts.
    change('devices/a', { shadows, since: 1_000_000 - 3_000 }),
    change('devices/b', { shadows, since: 1_000_000 - 700 }),
    change('devices/moved', { shadows, since: 1_000_000 - 90_000 }),
    change('devices/asks', { version: 0 }),
  )
  expect(answer).toEqual({ results: ['applied', 'applied', 'fenced', 'applied'] })
  expect(await value('starling_sync_total{result="applied"}')).toBe(3)
  expect(await value('starling_sync_total{result="fenced"}')).toBe(1)
  expect(await value('starling_sync_total{result="failed"}')).toBe(0)
  // Neither what was fenced nor what changes nothing.
  expect(await value('starling_sync_lag_seconds_count')).toBe(2)
  expect(await value('starling_sync_lag_seconds_sum')).toBeGreaterThanOrEqual(3.7)
  expect(await value('starling_sync_lag_seconds_sum')).toBeLessThan(8)
  expect(await value('starling_sync_lag_seconds_bucket{le="0.5"}')).toBe(0)
})

test('the store’s answers are timed, and its errors counted and passed on', async () => {
  const before = await value('starling_store_seconds_count{operation="putState"}')
  await core.store.close()
  expect(await sync(change('devices/a', { version: 2 }))).toEqual({ results: ['failed'] })
  expect(await value('starling_sync_total{result="failed"}')).toBe(1)
  expect(await value('starling_store_errors_total{operation="putState"}')).toBe(1)
  expect(await value('starling_store_seconds_count{operation="putState"}')).toBe(before + 1)
})

test('the store’s clock is its clock all the same, and no answer to be timed', async () => {
  expect(Math.abs(core.store.now() - Date.now())).toBeLessThan(1_000)
  await expect(value('starling_store_seconds_count{operation="now"}')).rejects.toThrow('no starling_store')
})

test('the process tells of itself', async () => {
  expect(await value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000)
})
