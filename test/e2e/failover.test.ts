// A region is lost for a while: its clients go on in another one, and nothing is lost when it is back.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const TEN = Array.from({ length: 10 }, (_, i) => `m${i}`)
const FAIL_OVER_TEST_MS = 180_000

describe('a region that does not answer', () => {
  it('a client goes on in another region with its session; the old one gives way when it is back', {
    timeout: FAIL_OVER_TEST_MS,
  }, async () => {
    const keeper = await Client.connect(system, 'us', 'keeper', KEPT)
    await keeper.subscribe('rooms/fail/us')
    const lamp = await Client.connect(system, 'eu', 'lamp', KEPT)
    await lamp.subscribe('devices/lamp/cmd/#')
    await lamp.subscribe('rooms/fail/#')
    await lamp.end()
    for (const text of TEN) await keeper.publish('devices/lamp/cmd/x', text)
    await synced('eu')

    const thaw = await system.freeze('eu')
    let moved: Client
    try {
      moved = await Client.connect(system, 'us', 'lamp', KEPT)
      expect(moved.sessionPresent).toBe(true)
      await moved.has(10)
      expect(moved.texts).toEqual(TEN)
      await keeper.publish('devices/lamp/cmd/x', 'own root')
      await keeper.publish('rooms/fail/x', 'room')
      await moved.has(12)
      expect(moved.texts.slice(10).sort()).toEqual(['own root', 'room'])
    } finally {
      thaw()
    }
    await keeper.publish('devices/lamp/cmd/x', 'after')
    await until(() => moved.texts.includes('after'), 30_000)
    await moved.end()
    await keeper.end()
  })
})

/** What the region's actors have stored has been passed on: they do so within a second. */
async function synced(_region: string): Promise<void> {
  await new Promise((done) => setTimeout(done, 2_500))
}

describe('placeholder', () => {
  it('until is used', async () => {
    await until(() => true)
  })
})
