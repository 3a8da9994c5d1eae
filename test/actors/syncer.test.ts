// What several actors have to sync, in few calls, and with the core away.
import { expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { SYNC_GATHER_MS, SYNC_HELD_MS_MAX, SYNC_PAUSE_MS } from '../../actors/limits.ts'
import { Syncer } from '../../actors/uplink/syncer.ts'
import { DEFAULT_FLEET, type Root } from '../../src/id/ids.ts'
import { noChange, type RootChange, type SyncRequest, type SyncResponse } from '../../src/relay/sync.ts'
import { fakeCore } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, watch } from './samples.ts'

function changeOf(i: number, bytes = 0): RootChange {
  const record = new Uint8Array(bytes)
  return {
    fleet: DEFAULT_FLEET,
    root: `devices/${i}` as Root,
    epoch: 1,
    version: 1,
    clock: 0,
    ...noChange(),
    retained: bytes > 0 ? [{ topic: `devices/${i}/t`, record }] : [],
  }
}

function syncerOver(sync: (request: SyncRequest) => Promise<SyncResponse>) {
  const calls: number[] = []
  const core = fakeCore(EU, {
    sync: (request) => {
      calls.push(request.roots.length)
      return sync(request)
    },
  })
  const platform = new FakePlatform(addressOf('uplink', EU, '0'), { core })
  return { calls, clock: platform.clock, syncer: new Syncer(platform) }
}

test('changes that come within a moment share one call, and each gets its own result', async () => {
  const { calls, clock, syncer } = syncerOver(async ({ roots }) => ({
    results: roots.map(({ root }) => (root === 'devices/1' ? 'fenced' : 'applied')),
  }))
  const results = [0, 1, 2].map((i) => watch(syncer.sync(changeOf(i))))
  await clock.pass(SYNC_GATHER_MS)
  expect(calls).toEqual([3])
  expect(results.map(({ value }) => value())).toEqual(['applied', 'fenced', 'applied'])
})

test('a call is bounded in roots and in bytes', async () => {
  const { calls, clock, syncer } = syncerOver(async ({ roots }) => ({ results: roots.map(() => 'applied') }))
  const many = Array.from({ length: 300 }, (_, i) => watch(syncer.sync(changeOf(i))))
  const large = Array.from({ length: 5 }, (_, i) => watch(syncer.sync(changeOf(i, 3 * 1024 * 1024))))
  await clock.pass(SYNC_GATHER_MS)
  expect(calls).toEqual([256, 45, 1, 1, 1, 1])
  expect([...many, ...large].every(({ value }) => value() === 'applied')).toBe(true)
})

test('with the core away all get that answer, and for a while no other call is made', async () => {
  let away = true
  const { calls, clock, syncer } = syncerOver(async ({ roots }) => {
    if (away) throw new CoreUnreachable('away')
    return { results: roots.map(() => 'applied') }
  })
  const first = watch(syncer.sync(changeOf(0)))
  await clock.pass(SYNC_GATHER_MS)
  const second = watch(syncer.sync(changeOf(1)))
  await clock.settled()
  expect([first.value(), second.value()]).toEqual(['failed', 'failed'])
  expect(calls).toEqual([1])
  away = false
  await clock.pass(SYNC_PAUSE_MS)
  const third = watch(syncer.sync(changeOf(1)))
  await clock.pass(SYNC_GATHER_MS)
  expect(third.value()).toBe('applied')
})

test('what has failed before waits there until the core is reached, which one call finds out', async () => {
  let away = true
  const { calls, clock, syncer } = syncerOver(async ({ roots }) => {
    if (away) throw new CoreUnreachable('away')
    return { results: roots.map(() => 'applied') }
  })
  const held = Array.from({ length: 600 }, (_, i) => watch(syncer.sync(changeOf(i), true)))
  await clock.pass(10_000)
  expect(held.every(({ state }) => state() === 'open')).toBe(true)
  // Three at first; from then on one at a time.
  expect(calls.length).toBeGreaterThan(8)
  expect(calls.length).toBeLessThan(16)
  away = false
  await clock.pass(SYNC_PAUSE_MS + 3 * SYNC_GATHER_MS)
  expect(held.every(({ value }) => value() === 'applied')).toBe(true)
  away = true
  const late = [0, 1].map((i) => watch(syncer.sync(changeOf(i), true)))
  await clock.pass(SYNC_HELD_MS_MAX + 2 * SYNC_PAUSE_MS)
  expect(late.map(({ value }) => value())).toEqual(['failed', 'failed'])
})

test('so it does while the store fails, and keeps nobody else waiting', async () => {
  let fails = true
  const { calls, clock, syncer } = syncerOver(async ({ roots }) => ({
    results: roots.map(({ root }) => (fails && root === 'devices/0' ? 'failed' : 'applied')),
  }))
  const held = watch(syncer.sync(changeOf(0), true))
  for (let i = 1; i <= 50; i++) {
    const other = watch(syncer.sync(changeOf(i)))
    await clock.pass(100)
    expect(other.value()).toBe('applied')
  }
  expect(held.state()).toBe('open')
  expect(calls.length).toBeLessThan(60)
  fails = false
  await clock.pass(SYNC_PAUSE_MS + SYNC_GATHER_MS)
  expect(held.value()).toBe('applied')
})
