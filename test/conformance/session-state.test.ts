// Session state: what clean start, expiry and the client's identity make of it, and how a connection ends.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Raw } from '../e2e/raw.ts'
import { SYSTEM_START_MS, System, until } from '../e2e/system.ts'
import { connected, type Fields, LEVELS, type Level, leave, published, subscribed, tags } from './peer.ts'

let system: System
let app: Raw
beforeAll(async () => {
  system = await System.start({ regions: ['eu'] })
  app = await connected(system, 'app')
}, SYSTEM_START_MS)
afterAll(() => system.stop())

/** A session that outlives its connection. */
function keeps(level: Level, seconds = 60): Fields {
  return {
    level,
    clean: false,
    ...(level === 5 && { properties: { sessionExpiryInterval: seconds } }),
  }
}

const sessionPresent = (raw: Raw) =>
  (raw.of('connack')[0] as unknown as { sessionPresent: boolean }).sessionPresent

/** A session with a subscription, whose client has gone; then a message comes for it. */
async function away(id: string, level: Level): Promise<void> {
  const raw = await connected(system, id, keeps(level))
  await subscribed(raw, `rooms/${id}/x`)
  await leave(raw)
  await published(app, `rooms/${id}/x`, 'waited')
}

describe.each(LEVELS)('a session of $version', ({ level }) => {
  it(`is ended by a clean start: nothing of it is left, then or later${tags(
    level,
    '3.1.2-4 3.1.4-4 3.2.2-2',
    '3.1.2-6 3.1.4-3 3.2.2-1 3.2.2-3',
  )}`, async () => {
    const id = `clean-${level}`
    await away(id, level)
    const clean = await connected(system, id, { level, clean: true })
    expect(sessionPresent(clean)).toBe(false)
    await published(app, `rooms/${id}/x`, 'unsubscribed')
    await subscribed(clean, `rooms/${id}/y`)
    await published(app, `rooms/${id}/y`, 'new')
    await clean.gets('publish')
    expect(clean.texts).toEqual(['new'])
    await leave(clean)
    const later = await connected(system, id, keeps(level))
    expect(sessionPresent(later)).toBe(false)
    later.drop()
  })

  it(`goes on without a clean start, with its subscriptions and what waited${tags(
    level,
    '3.1.2-5 3.1.2-23 3.1.4-4 3.2.2-3 4.1.0-1',
    '3.1.2-4 3.1.2-5 3.1.4-3 3.2.2-2 4.1.0-1',
  )}`, async () => {
    const id = `goes-on-${level}`
    await away(id, level)
    const back = await connected(system, id, keeps(level))
    expect(sessionPresent(back)).toBe(true)
    await back.gets('publish')
    await published(app, `rooms/${id}/x`, 'live')
    await back.gets('publish', 2)
    expect(back.texts).toEqual(['waited', 'live'])
    back.drop()
  })

  it(`goes on after a broken link as well${tags(level, '3.1.2-23', '3.1.2-4')}`, async () => {
    const id = `broken-${level}`
    const raw = await connected(system, id, keeps(level))
    await subscribed(raw, `rooms/${id}/x`)
    raw.drop()
    const back = await connected(system, id, keeps(level))
    expect(sessionPresent(back)).toBe(true)
    back.drop()
  })

  it(`is made where there was none${tags(level, '3.1.2-6 3.2.2-3', '3.1.2-4 3.2.2-3')}`, async () => {
    const raw = await connected(system, `made-${level}`, keeps(level))
    expect(sessionPresent(raw)).toBe(false)
    await leave(raw)
    const back = await connected(system, `made-${level}`, keeps(level))
    expect(sessionPresent(back)).toBe(true)
    back.drop()
  })

  it(`belongs to its client id and to no other${tags(level, '3.1.3-2', '3.1.3-2')}`, async () => {
    await away(`mine-${level}`, level)
    const other = await connected(system, `yours-${level}`, keeps(level))
    expect(sessionPresent(other)).toBe(false)
    await other.ping()
    expect(other.texts).toEqual([])
    const mine = await connected(system, `mine-${level}`, keeps(level))
    await mine.gets('publish')
    expect(mine.texts).toEqual(['waited'])
    mine.drop()
    other.drop()
  })

  it(`stands as long as its connection${tags(level, '4.1.0-1', '4.1.0-2')}`, async () => {
    const id = `stands-${level}`
    const raw = await connected(system, id, keeps(level, 1))
    await subscribed(raw, `rooms/${id}/x`)
    // Longer than its expiry, which counts from the end of the connection.
    await sleep(1_500)
    await published(app, `rooms/${id}/x`, 'still here')
    await raw.gets('publish')
    raw.drop()
    const back = await connected(system, id, keeps(level, 1))
    expect(sessionPresent(back)).toBe(true)
    back.drop()
  })
})

describe('a session of 3.1.1 with CleanSession 1', () => {
  it('ends with its connection [MQTT-3.1.2-6, 3.1.1]', async () => {
    const raw = await connected(system, 'brief-4', { level: 4 })
    await subscribed(raw, 'rooms/brief-4/x')
    raw.drop()
    const back = await connected(system, 'brief-4', keeps(4))
    expect(sessionPresent(back)).toBe(false)
    back.drop()
  })

  it('leaves its retained messages when it ends [MQTT-3.1.2-7, 3.1.1]', async () => {
    const raw = await connected(system, 'retains-4', { level: 4 })
    await published(raw, 'rooms/retains-4/x', 'kept', { retain: true })
    await leave(raw)
    const clean = await connected(system, 'retains-4', { level: 4 })
    await subscribed(clean, 'rooms/retains-4/x')
    expect(await clean.gets('publish')).toMatchObject({ retain: true })
    clean.drop()
  })
})

describe('the expiry of a session of 5.0', () => {
  it.each([
    ['absent', {}],
    ['0', { sessionExpiryInterval: 0 }],
  ])('%s ends it with its connection [MQTT-4.1.0-2]', async (_what, properties) => {
    const raw = await connected(system, 'ends', { clean: false, properties })
    await subscribed(raw, 'rooms/ends/x')
    await leave(raw)
    const back = await connected(system, 'ends', keeps(5))
    expect(sessionPresent(back)).toBe(false)
    await leave(back, 0, { sessionExpiryInterval: 0 })
  })

  it('of a second ends it a second after its connection [MQTT-4.1.0-2]', async () => {
    const raw = await connected(system, 'second', keeps(5, 1))
    await leave(raw)
    await sleep(1_300)
    const back = await connected(system, 'second', keeps(5))
    expect(sessionPresent(back)).toBe(false)
    back.drop()
  })

  it('may be set to 0 by DISCONNECT, which ends it', async () => {
    await leave(await connected(system, 'changed', keeps(5)), 0, { sessionExpiryInterval: 0 })
    const back = await connected(system, 'changed', keeps(5))
    expect(sessionPresent(back)).toBe(false)
    await leave(back)
  })

  it('may be made longer by DISCONNECT, unless it was 0, which is a Protocol Error [MQTT-4.13.1-1]', async () => {
    await leave(await connected(system, 'longer', keeps(5, 1)), 0, { sessionExpiryInterval: 60 })
    await sleep(1_300)
    const back = await connected(system, 'longer', keeps(5, 0))
    expect(sessionPresent(back)).toBe(true)
    await leave(back, 0, { sessionExpiryInterval: 60 })
    expect(back.of('disconnect')).toMatchObject([{ reasonCode: 0x82 }])
  })
})

describe("the server's DISCONNECT", () => {
  it('has no Session Expiry Interval [MQTT-3.14.2-2]', async () => {
    const taken = await connected(system, 'taken', keeps(5))
    const next = await connected(system, 'taken', keeps(5))
    next.sendBytes(Buffer.of(0xc1, 0))
    for (const [raw, reasonCode] of [
      [taken, 0x8e],
      [next, 0x81],
    ] as const) {
      const packet = await raw.gets('disconnect')
      expect(packet).toMatchObject({ reasonCode })
      expect('properties' in packet ? packet.properties : {}).not.toHaveProperty('sessionExpiryInterval')
      await raw.closed()
    }
  })

  it('is the last packet, while messages come, and the connection closes [MQTT-3.14.4-1] [MQTT-3.14.4-2]', async () => {
    const raw = await connected(system, 'last', keeps(5))
    await subscribed(raw, 'rooms/last/x')
    const sent = Array.from({ length: 100 }, (_, i) =>
      published(app, 'rooms/last/x', `${i}`, { messageId: i + 1 }),
    )
    await raw.gets('publish')
    raw.sendBytes(Buffer.of(0xc1, 0, 0xc0, 0))
    await raw.closed()
    await Promise.all(sent)
    await until(() => app.of('puback').length >= 100)
    expect(raw.of('disconnect')).toHaveLength(1)
    expect(raw.packets.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x81 })
    expect(raw.of('pingresp')).toEqual([])
  })
})

describe("a client's DISCONNECT", () => {
  it.each(LEVELS)(
    'of $version closes the connection, and what came after it is not handled',
    async ({ level }) => {
      const raw = await connected(system, `left-${level}`, { level })
      const watcher = await connected(system, 'watcher')
      await subscribed(watcher, 'rooms/left/x')
      const topic = 'rooms/left/x'
      raw.sendBytes(
        Buffer.concat([
          raw.bytes({ cmd: 'disconnect' }),
          raw.bytes({ cmd: 'publish', topic, payload: 'too late', qos: 0, dup: false, retain: false }),
        ]),
      )
      await raw.closed()
      await published(app, topic, 'in time')
      await watcher.gets('publish')
      expect(watcher.texts).toEqual(['in time'])
      watcher.drop()
    },
  )
})
