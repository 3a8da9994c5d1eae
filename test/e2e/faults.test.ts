import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { Flow } from './flow.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const FAULT_TEST_MS = 120_000

describe.each(['core', 'eu', 'us'])(
  '%s is killed (SIGKILL) while 1,000 QoS 1 messages flow from us to eu',
  (part) => {
    it('all that were acknowledged arrive, at least once (promise 1)', {
      timeout: FAULT_TEST_MS,
    }, async () => {
      const lampId = `lamp-${part}`
      const reconnecting = { ...KEPT, reconnectPeriod: 200 }
      const lamp = await Client.connect(system, 'eu', lampId, reconnecting)
      await lamp.subscribe(`devices/${lampId}/cmd/#`)
      const app = await Client.connect(system, 'us', `app-${part}`, reconnecting)
      const flow = new Flow(app, `devices/${lampId}/cmd/x`, 1_000)
      const done = flow.run()
      await flow.reaches(200)
      await system.killAndWait(part)
      await done
      expect(flow.acknowledged).toHaveLength(1_000)
      await flow.arrivesAt(lamp)
      await lamp.end()
      await app.end()
    })
  },
)

describe('the core is drained (SIGTERM) while 200 QoS 1 messages flow from us to eu', () => {
  it('all arrive, in order', { timeout: FAULT_TEST_MS }, async () => {
    const lamp = await Client.connect(system, 'eu', 'lamp-drain', KEPT)
    await lamp.subscribe('devices/lamp-drain/cmd/#')
    const app = await Client.connect(system, 'us', 'app-drain', KEPT)
    const flow = new Flow(app, 'devices/lamp-drain/cmd/x', 200)
    const done = flow.run()
    await flow.reaches(50)
    const before = await system.pidOf('core')
    process.kill(before, 'SIGTERM')
    await done
    await lamp.has(200, 30_000)
    expect([...new Set(lamp.texts)]).toEqual(Array.from({ length: 200 }, (_, i) => `n${i}`))
    // It ends although the edges keep their connections open, and is started again.
    await until(async () => (await system.pidOf('core')) !== before && (await system.serves('core')), 20_000)
    await lamp.end()
    await app.end()
  })
})

describe('with the core down', () => {
  it('two clients of one region keep talking; what is for elsewhere waits, and arrives in order (promises 6, 7)', {
    timeout: FAULT_TEST_MS,
  }, async () => {
    const far = await Client.connect(system, 'us', 'far', KEPT)
    await far.subscribe('devices/far/cmd/#')
    const one = await Client.connect(system, 'eu', 'one', KEPT)
    const two = await Client.connect(system, 'eu', 'two', KEPT)
    await one.subscribe('devices/one/#')
    await two.subscribe('rooms/local/#')
    const thaw = await system.freeze('core')
    try {
      await two.publish('devices/one/hello', 'to one')
      await one.publish('rooms/local/hello', 'to two')
      await one.has(1)
      await two.has(1)
      // New connections of known clients need no core.
      await two.end()
      const again = await Client.connect(system, 'eu', 'two', KEPT)
      expect(again.sessionPresent).toBe(true)
      await again.publish('devices/one/hello', 'again')
      await one.has(2)
      for (let i = 0; i < 20; i++) await again.publish('devices/far/cmd/x', `w${i}`)
      expect(far.texts).toEqual([])
      await again.end()
    } finally {
      thaw()
    }
    await far.has(20, 40_000)
    expect([...new Set(far.texts)]).toEqual(Array.from({ length: 20 }, (_, i) => `w${i}`))
    await one.end()
    await far.end()
  })

  it('a subscription that needs another region is refused clearly, and closes nothing', {
    timeout: FAULT_TEST_MS,
  }, async () => {
    const keeper = await Client.connect(system, 'us', 'keeper-us')
    await keeper.subscribe('rooms/us-home/#')
    const local = await Client.connect(system, 'eu', 'local-eu')
    const thaw = await system.freeze('core')
    try {
      expect(await subscribeCode(local, 'rooms/us-home/#')).toBeGreaterThanOrEqual(0x80)
      expect(local.mqtt.connected).toBe(true)
    } finally {
      thaw()
    }
    await local.end()
    await keeper.end()
  })
})

async function subscribeCode(client: Client, filter: string): Promise<number> {
  try {
    return (await client.subscribe(filter))[0] ?? 0
  } catch (error) {
    return (error as { code?: number }).code ?? 0x80
  }
}

describe('a region that is down', () => {
  it('delays nobody else, and gets what waited when it is back', { timeout: FAULT_TEST_MS }, async () => {
    const sleeper = await Client.connect(system, 'us', 'sleeper', { ...KEPT, reconnectPeriod: 200 })
    await sleeper.subscribe('devices/sleeper/#')
    const one = await Client.connect(system, 'eu', 'awake-1')
    const two = await Client.connect(system, 'eu', 'awake-2')
    await one.subscribe('devices/awake-1/#')
    const thaw = await system.freeze('us')
    try {
      for (let i = 0; i < 10; i++) await two.publish('devices/sleeper/x', `s${i}`)
      await two.publish('devices/awake-1/x', 'prompt')
      await one.has(1)
    } finally {
      thaw()
    }
    await sleeper.has(10, 40_000)
    expect([...new Set(sleeper.texts)]).toEqual(Array.from({ length: 10 }, (_, i) => `s${i}`))
    await one.end()
    await two.end()
    await sleeper.end()
  })
})
