// The calls of one uplink share the connections that the platform gives an actor: a region that hangs holds nobody else up.
import { expect, test } from 'vitest'
import {
  SYNC_CALLS_MAX,
  UPLINK_CALLS_ALL_MAX,
  UPLINK_CALLS_MAX,
  UPLINK_PATIENCE_MS,
} from '../../actors/limits.ts'
import { PLATFORM_CONNECTIONS_MAX } from '../../actors/platform-bounds.ts'
import { Syncer } from '../../actors/uplink/syncer.ts'
import { Uplink } from '../../actors/uplink/uplink.ts'
import type { RegionId, Root } from '../../src/id/ids.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { EnvelopesResponse } from '../../src/relay/envelope.ts'
import { noChange } from '../../src/relay/sync.ts'
import { fakeCore } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, routed, watch } from './samples.ts'

const never = () => new Promise<never>(() => undefined)

/** An uplink in eu. Regions named `hang…` never answer. */
function uplink() {
  const open = new Map<string, number>()
  let most = 0
  const arrived: string[] = []
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), {
    core: fakeCore(EU, {
      envelopes: async ({ envelopes }): Promise<EnvelopesResponse> => {
        const [first] = envelopes
        const region = first?.to.kind === 'region' ? first.to.region : ''
        open.set(region, (open.get(region) ?? 0) + 1)
        most = Math.max(
          most,
          [...open.values()].reduce((sum, one) => sum + one, 0),
        )
        if (region.startsWith('hang')) return never()
        open.set(region, (open.get(region) ?? 0) - 1)
        arrived.push(...envelopes.map(({ root }) => root))
        return {
          results: envelopes.map(({ records }) => ({
            status: 'done',
            outcomes: unpackBatch(records as Uint8Array).map(() => 0),
          })),
        }
      },
    }),
  })
  const under = new Uplink(platform)
  let roots = 0
  const send = async (region: string) => {
    const root = `rooms/${++roots}` as Root
    const to = { kind: 'region', region: region as RegionId, epoch: 1 } as const
    watch(under.send(root, to, null, packBatch([routed(`${root}/a`, 'x')])))
    await platform.clock.settled()
    return root
  }
  return { arrived, clock: platform.clock, send, most: () => most }
}

test('the calls of an uplink and its syncs fit into the connections of an actor', () => {
  expect(UPLINK_CALLS_ALL_MAX + SYNC_CALLS_MAX).toBeLessThanOrEqual(PLATFORM_CONNECTIONS_MAX)
})

test('two regions that hang delay the messages of a third by the patience with them at most', async () => {
  const { arrived, clock, send, most } = uplink()
  for (let i = 0; i < UPLINK_CALLS_MAX; i++) {
    await send('hang1')
    await clock.pass(20)
  }
  await send('hang2')
  const root = await send('us')
  expect(arrived).toEqual([])
  await clock.pass(UPLINK_PATIENCE_MS + 100)
  expect(arrived).toEqual([root])
  expect(most()).toBeLessThanOrEqual(UPLINK_CALLS_ALL_MAX + 1)
})

test('regions that are known to hang delay nobody', async () => {
  const { arrived, clock, send } = uplink()
  const hanging = ['hang1', 'hang2', 'hang3', 'hang4', 'hang5', 'hang6']
  for (const region of hanging) await send(region)
  // Each was tried and given up, or found out by the time of a call.
  await clock.pass(60_000)
  for (const region of hanging) await send(region)
  await clock.pass(1_000)
  const root = await send('us')
  await clock.pass(20)
  expect(arrived).toEqual([root])
})

test('one destination alone leaves a slot to another', async () => {
  const { arrived, clock, send } = uplink()
  for (let i = 0; i < 10; i++) {
    await send('hang1')
    await clock.pass(20)
  }
  const root = await send('us')
  await clock.pass(20)
  expect(arrived).toEqual([root])
})

test('syncs go one call after another', async () => {
  let open = 0
  let most = 0
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), {
    core: fakeCore(EU, {
      sync: async ({ roots }) => {
        most = Math.max(most, ++open)
        await new Promise<void>((go) => void platform.after(50, go))
        open--
        return { results: roots.map(() => 'applied' as const) }
      },
    }),
  })
  const syncer = new Syncer(platform)
  const results = []
  for (let i = 0; i < 5; i++) {
    const change = {
      ...noChange(),
      clock: 0,
      fleet: platform.address.fleet,
      root: `rooms/${i}` as Root,
      epoch: 1,
      version: 1,
    }
    results.push(watch(syncer.sync(change)))
    await platform.clock.pass(30)
  }
  await platform.clock.pass(1_000)
  expect(results.map((one) => one.value())).toEqual(Array(5).fill('applied'))
  expect(most).toBe(SYNC_CALLS_MAX)
})
