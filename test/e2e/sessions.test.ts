import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const TEN = Array.from({ length: 10 }, (_, i) => `m${i}`)

async function leaveWithSubscription(id: string, region: string, filter: string): Promise<void> {
  const client = await Client.connect(system, region, id, KEPT)
  await client.subscribe(filter)
  await client.end()
}

describe('a session that outlives its connection', () => {
  it('gets what came while it was away, in order, once, in the same region', async () => {
    await leaveWithSubscription('away-1', 'eu', 'devices/away-1/cmd/#')
    const app = await Client.connect(system, 'us', 'app-1')
    for (const text of TEN) await app.publish('devices/away-1/cmd/x', text)
    const back = await Client.connect(system, 'eu', 'away-1', KEPT)
    expect(back.sessionPresent).toBe(true)
    await back.has(10)
    await app.publish('devices/away-1/cmd/x', 'live')
    await back.has(11)
    expect(back.texts).toEqual([...TEN, 'live'])
    await back.end()
    await app.end()
  })

  it('comes back in the other region, gets the ten in order, once; its old connection is closed with 0x8E', async () => {
    const old = await Client.connect(system, 'eu', 'roamer', KEPT)
    await old.subscribe('devices/roamer/cmd/#')
    await old.subscribe('rooms/roam/#')
    await old.end()
    const app = await Client.connect(system, 'us', 'app-2')
    for (const text of TEN) await app.publish('devices/roamer/cmd/x', text)
    const open = await Client.connect(system, 'eu', 'roamer', KEPT)
    await open.has(10)
    await open.end()

    await leaveWithSubscription('roamer', 'eu', 'devices/roamer/cmd/#')
    for (const text of TEN) await app.publish('devices/roamer/cmd/y', text)
    const back = await Client.connect(system, 'us', 'roamer', KEPT)
    expect(back.sessionPresent).toBe(true)
    await back.has(10)
    expect(back.texts).toEqual(TEN)
    // Its subscriptions came along, to its own root and to others.
    await app.publish('devices/roamer/cmd/x', 'live')
    await app.publish('rooms/roam/x', 'room')
    await back.has(12)
    expect(back.texts.slice(10).sort()).toEqual(['live', 'room'])
    await back.end()
    await app.end()
  })

  it('an old connection that is still open in another region is closed with reason 0x8E', async () => {
    const old = await Client.connect(system, 'eu', 'twice', KEPT)
    await old.subscribe('devices/twice/#')
    const newer = await Client.connect(system, 'us', 'twice', KEPT)
    await old.closed()
    expect(old.disconnects).toEqual([0x8e])
    expect(newer.sessionPresent).toBe(true)
    const app = await Client.connect(system, 'eu', 'app-3')
    await app.publish('devices/twice/x', 'hello')
    await newer.has(1)
    expect(newer.texts).toEqual(['hello'])
    // And back again, as often as it likes.
    const again = await Client.connect(system, 'eu', 'twice', KEPT)
    await newer.closed()
    expect(newer.disconnects).toEqual([0x8e])
    await app.publish('devices/twice/x', 'again')
    await again.has(1)
    expect(again.texts).toEqual(['again'])
    await again.end()
    await app.end()
  })

  it('a takeover in the same region closes the older connection with 0x8E', async () => {
    const old = await Client.connect(system, 'eu', 'taken', KEPT)
    const newer = await Client.connect(system, 'eu', 'taken', KEPT)
    await old.closed()
    expect(old.disconnects).toEqual([0x8e])
    expect(newer.mqtt.connected).toBe(true)
    await newer.end()
  })

  it('messages under way to a client whose link breaks are sent again, marked DUP, with their packet ids', async () => {
    const silent = await Raw.connect(system, 'eu', 'silent', { clean: false, expiry: 3600 })
    silent.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/silent/cmd', qos: 1 }] })
    await silent.gets('suback')
    const app = await Client.connect(system, 'us', 'app-4')
    for (const text of ['a', 'b', 'c']) await app.publish('devices/silent/cmd', text)
    await silent.gets('publish', 3)
    silent.drop()
    const back = await Client.connect(system, 'eu', 'silent', KEPT)
    await back.has(3)
    expect(back.texts).toEqual(['a', 'b', 'c'])
    expect(back.got.every(({ packet }) => packet.dup)).toBe(true)
    expect(back.got.map(({ packet }) => packet.messageId)).toEqual(
      silent.of('publish').map((packet) => packet.messageId),
    )
    await back.end()
    await app.end()
  })

  it('clean start ends it: no session present, nothing waits', async () => {
    await leaveWithSubscription('fresh', 'eu', 'rooms/fresh/#')
    const app = await Client.connect(system, 'us', 'app-5')
    await app.publish('rooms/fresh/x', 'old')
    const back = await Client.connect(system, 'eu', 'fresh', { clean: true })
    expect(back.sessionPresent).toBe(false)
    await app.publish('rooms/fresh/x', 'new')
    await back.subscribe('rooms/fresh/#')
    await app.publish('rooms/fresh/x', 'newer')
    await back.has(1)
    expect(back.texts).toEqual(['newer'])
    await back.end()
    await app.end()
  })

  it('ends after its expiry, even if nobody asks', async () => {
    const brief = await Client.connect(system, 'eu', 'brief', {
      clean: false,
      properties: { sessionExpiryInterval: 1 },
    })
    await brief.subscribe('devices/brief/#')
    await brief.end()
    await new Promise((done) => setTimeout(done, 1_500))
    const back = await Client.connect(system, 'eu', 'brief', KEPT)
    expect(back.sessionPresent).toBe(false)
    await back.end()
  })

  it('a 3.1.1 client with clean session 0 keeps its session', async () => {
    const four = { protocolVersion: 4 as const, clean: false }
    const first = await Client.connect(system, 'eu', 'four', four)
    await first.subscribe('devices/four/#')
    await first.end()
    const app = await Client.connect(system, 'eu', 'app-6')
    await app.publish('devices/four/x', 'kept')
    const back = await Client.connect(system, 'eu', 'four', four)
    expect(back.sessionPresent).toBe(true)
    await back.has(1)
    expect(back.texts).toEqual(['kept'])
    await back.end()
    await app.end()
  })

  it('more than a window of messages waits and arrives in order', { timeout: 60_000 }, async () => {
    await leaveWithSubscription('deep', 'eu', 'devices/deep/#')
    const app = await Client.connect(system, 'us', 'app-7')
    const sent = Array.from({ length: 500 }, (_, i) => `d${i}`)
    await Promise.all(sent.map((text) => app.publish('devices/deep/x', text)))
    const back = await Client.connect(system, 'eu', 'deep', KEPT)
    await back.has(500, 20_000)
    expect(back.texts).toEqual(sent)
    await back.end()
    await app.end()
  })

  it('a silent client is closed after one and a half times its keep alive', { timeout: 20_000 }, async () => {
    const client = await Raw.connect(system, 'eu', 'keep-alive', { version: 4, keepalive: 2 })
    const began = Date.now()
    await client.closed()
    expect(Date.now() - began).toBeGreaterThan(2_500)
  })
})
