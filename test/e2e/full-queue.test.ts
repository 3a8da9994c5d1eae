// A full queue costs its owner: an absent subscriber, or a group that nobody is there for, harms no publisher of the fleet.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QUEUE_MESSAGES_MAX } from '../../src/session/limits.ts'
import { Client, type ConnectOptions } from './client.ts'
import { ask } from './http.ts'
import { SYSTEM_START_MS, System } from './system.ts'

const TEST_MS = 300_000
/** MQTT clients publish so many at once. */
const AT_ONCE = 64
const DAYS_30 = 30 * 24 * 3600
const ABSENT: ConnectOptions = { clean: false, properties: { sessionExpiryInterval: DAYS_30 } }
const OVER = 496

async function publishMany(client: Client, topic: (i: number) => string, count: number): Promise<void> {
  let next = 0
  const one = async () => {
    for (let i = next++; i < count; i = next++) await client.publish(topic(i), `${i}`)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

describe('a full queue', () => {
  let system: System
  beforeAll(async () => {
    system = await System.start({ presence: false })
  }, SYSTEM_START_MS)
  afterAll(() => system.stop())

  it('of an absent subscriber of # drops its oldest, tells it, and harms no publisher (case 3)', {
    timeout: TEST_MS,
  }, async () => {
    const absent = await Client.connect(system, 'eu', 'archive', ABSENT)
    await absent.subscribe('#')
    await absent.end()
    const old = await Client.connect(system, 'eu', 'old', { protocolVersion: 4 })
    const app = await Client.connect(system, 'eu', 'new')
    await publishMany(app, () => 'rooms/full/x', QUEUE_MESSAGES_MAX)
    await publishMany(app, () => 'rooms/full/x', OVER / 2)
    await publishMany(old, () => 'rooms/full/y', OVER / 2 - 1)
    const token = await system.token('new')
    const posted = await ask(system, 'eu', token, '/v1/publish', {
      method: 'POST',
      body: { topic: 'rooms/full/z', text: 'by HTTP', qos: 1 },
    })
    expect(posted.status).toBe(200)
    expect([old.mqtt.connected, app.mqtt.connected]).toEqual([true, true])
    expect([...old.errors, ...app.errors]).toEqual([])

    const back = await Client.begin(system, 'eu', 'archive', ABSENT)
    const connack = await new Promise<{ properties?: { reasonString?: string; userProperties?: object } }>(
      (resolve) => back.mqtt.once('connect', (packet) => resolve(packet as never)),
    )
    expect(connack.properties).toMatchObject({
      reasonString: `${OVER} messages were dropped: the session's queue was full`,
      userProperties: { 'dropped-messages': `${OVER}` },
    })
    await back.has(QUEUE_MESSAGES_MAX, 120_000)
    expect(back.texts.at(-1)).toBe('by HTTP')
    await back.subscribe('$SYS/starling/client/queue/dropped')
    await back.has(QUEUE_MESSAGES_MAX + 1)
    expect(back.texts.at(-1)).toBe(`${OVER}`)
    for (const client of [back, old, app]) await client.end()
  })

  it('of a group that nobody is there for drops its oldest and harms no publisher (case 4)', {
    timeout: TEST_MS,
  }, async () => {
    const worker = await Client.connect(system, 'eu', 'worker', ABSENT)
    await worker.subscribe('$share/backend/devices/+/telemetry')
    await worker.end()
    const old = await Client.connect(system, 'eu', 'meter', { protocolVersion: 4 })
    await publishMany(old, () => 'devices/meter/telemetry', QUEUE_MESSAGES_MAX)
    await publishMany(old, () => 'devices/meter/telemetry', 10)
    expect(old.mqtt.connected).toBe(true)
    const back = await Client.connect(system, 'eu', 'worker', ABSENT)
    await back.has(QUEUE_MESSAGES_MAX, 120_000)
    expect(new Set(back.texts).size).toBeGreaterThan(QUEUE_MESSAGES_MAX - 10)
    await back.end()
    await old.end()
  })
})
