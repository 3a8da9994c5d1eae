// Device shadows on a whole system: two regions, one home, nothing lost.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { ShadowClient } from './shadow-client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const ANSWERS = ['+/accepted', '+/rejected'] as const
const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }

describe('a shadow', () => {
  it('takes an app’s desired in the other region, tells the device its delta, and all that it is done', async () => {
    const root = 'devices/lamp/shadow'
    const lamp = await ShadowClient.connect(system, 'eu', 'lamp', root)
    await lamp.listen(...ANSWERS, 'update/delta')
    const app = await ShadowClient.connect(system, 'us', 'app', root)
    await app.listen(...ANSWERS, 'update/documents')
    expect((await app.ask('get')).body.code).toBe(404)
    expect((await app.ask('update', { state: { desired: { power: 'on' } } })).body).toMatchObject({
      version: 1,
      state: { desired: { power: 'on' } },
    })
    await until(() => lamp.of('update/delta').length === 1)
    expect(lamp.of('update/delta')[0]?.body).toMatchObject({ version: 1, state: { power: 'on' } })
    expect((await lamp.ask('update', { state: { reported: { power: 'on' } } })).body.version).toBe(2)
    await until(() => app.of('update/documents').length === 2)
    expect(app.of('update/documents')[1]?.body).toMatchObject({
      previous: { version: 1, state: { desired: { power: 'on' } } },
      current: { version: 2, state: { desired: { power: 'on' }, reported: { power: 'on' } } },
    })
    expect(lamp.of('update/delta')).toHaveLength(1)
    const conflict = await app.ask('update', { state: { desired: { power: 'off' } }, version: 1 })
    expect(conflict).toMatchObject({ topic: 'update/rejected', body: { code: 409 } })
    const got = await app.ask('get')
    expect(got.body).toMatchObject({ version: 2, state: { desired: { power: 'on' } } })
    expect(got.body.state?.delta).toBeUndefined()
    expect((await app.ask('delete')).topic).toBe('delete/accepted')
    expect((await lamp.ask('get')).body.code).toBe(404)
    await lamp.end()
    await app.end()
  })

  it('moves when its device changes region, and waits there for the next update', async () => {
    const root = 'devices/roamer/shadow'
    const roamer = await ShadowClient.connect(system, 'eu', 'roamer', root, KEPT)
    await roamer.listen('update/delta')
    const app = await ShadowClient.connect(system, 'eu', 'roamer-app', root)
    await app.listen(...ANSWERS)
    await app.ask('update', { state: { desired: { a: 1 }, reported: { b: 2 } } })
    await roamer.end()
    const moved = await ShadowClient.connect(system, 'us', 'roamer', root, KEPT)
    await until(() => moved.of('update/delta').length > 0)
    expect(moved.of('update/delta').at(-1)?.body).toMatchObject({ version: 1, state: { a: 1 } })
    const next = await app.ask('update', { state: { desired: { a: 2 } }, version: 1 })
    expect(next).toMatchObject({ topic: 'update/accepted', body: { version: 2 } })
    expect((await app.ask('get')).body.state).toMatchObject({ desired: { a: 2 }, reported: { b: 2 } })
    await moved.end()
    await app.end()
  })

  it('survives kill -9 of the region of its home: what was acknowledged is there', async () => {
    const root = 'devices/killed/shadow'
    const device = await ShadowClient.connect(system, 'eu', 'killed', root)
    await device.end()
    const app = await ShadowClient.connect(system, 'us', 'killed-app', root)
    await app.listen(...ANSWERS)
    for (let i = 1; i <= 20; i++)
      await app.client.publish(`${root}/update`, `{"state":{"desired":{"k${i}":${i}}}}`)
    await system.killAndWait('eu')
    const got = await app.ask('get')
    expect(Object.keys(got.body.state?.desired ?? {})).toHaveLength(20)
    expect(got.body.version).toBe(20)
    await app.end()
  })

  it('is there in the region to which its device goes when the other is lost; what was not synced comes later', async () => {
    const root = 'devices/orphan/shadow'
    const device = await ShadowClient.connect(system, 'eu', 'orphan', root, KEPT)
    await device.listen('update/delta')
    const near = await ShadowClient.connect(system, 'eu', 'orphan-near', root)
    await near.listen(...ANSWERS)
    await near.ask('update', { state: { desired: { synced: 1 } } })
    await sleep(3_000)
    await near.ask('update', { state: { desired: { late: 1 } } })
    const thaw = await system.freeze('eu')
    let moved: ShadowClient
    try {
      moved = await ShadowClient.connect(system, 'us', 'orphan', root, KEPT)
      await moved.listen(...ANSWERS)
      await until(() => moved.of('update/delta').length > 0)
      expect(moved.of('update/delta')[0]?.body).toMatchObject({ version: 1, state: { synced: 1 } })
      expect((await moved.ask('update', { state: { reported: { here: 1 } } })).body.version).toBe(2)
    } finally {
      thaw()
    }
    await until(() => moved.of('update/delta').some(({ body }) => 'late' in (body.state ?? {})), 90_000)
    expect((await moved.ask('get')).body).toMatchObject({
      version: 3,
      state: { desired: { synced: 1, late: 1 }, reported: { here: 1 } },
    })
    await moved.end()
    await near.end()
  }, 120_000)

  it('is updated inside a region that is cut off from the core; subscribers elsewhere get it later', async () => {
    const root = 'devices/inside/shadow'
    const device = await ShadowClient.connect(system, 'eu', 'inside', root)
    await device.listen('update/delta')
    const near = await ShadowClient.connect(system, 'eu', 'inside-near', root)
    await near.listen(...ANSWERS)
    const far = await ShadowClient.connect(system, 'us', 'inside-far', root)
    await far.listen('update/documents')
    const thaw = await system.freeze('core')
    try {
      for (let i = 1; i <= 5; i++)
        expect((await near.ask('update', { state: { desired: { i } }, version: i - 1 })).body.version).toBe(i)
      await until(() => device.of('update/delta').length === 5)
      expect(far.said).toEqual([])
    } finally {
      thaw()
    }
    await until(() => far.said.length === 5, 40_000)
    expect(far.said.map(({ body }) => (body as { current?: { version: number } }).current?.version)).toEqual([
      1, 2, 3, 4, 5,
    ])
    for (const one of [device, near, far]) await one.end()
  }, 60_000)

  it('is its own: named ones are apart, and one without the classic one', async () => {
    const named = 'devices/multi/shadow/name/wifi'
    const client = await ShadowClient.connect(system, 'us', 'multi', named)
    await client.listen(...ANSWERS)
    expect((await client.ask('update', { state: { reported: { ssid: 'home' } } })).body.version).toBe(1)
    await client.end()
    const classic = await ShadowClient.connect(system, 'eu', 'multi-app', 'devices/multi/shadow')
    await classic.listen(...ANSWERS)
    expect((await classic.ask('get')).body).toMatchObject({ code: 404 })
    await classic.end()
  })
})

describe('by AWS IoT’s topics', () => {
  it('the same shadow is asked and followed, in the other region and by wide filters too', async () => {
    const device = await ShadowClient.connect(system, 'eu', 'thing', '$aws/things/thing/shadow')
    await device.listen(...ANSWERS, 'update/delta')
    const wide = await Client.connect(system, 'us', 'thing-watcher')
    expect(await wide.subscribe('$aws/things/+/shadow/update/accepted')).toEqual([1])
    const both = await Client.connect(system, 'us', 'thing-both')
    await both.subscribe('devices/thing/shadow/update/accepted')
    await both.subscribe('$aws/things/thing/shadow/update/accepted')
    const app = await ShadowClient.connect(system, 'us', 'thing-app', 'devices/thing/shadow')
    await app.listen(...ANSWERS)
    await app.ask('update', { state: { desired: { on: true } } })
    await until(() => device.of('update/delta').length === 1)
    expect((await device.ask('update', { state: { reported: { on: true } } })).body.version).toBe(2)
    await wide.has(2)
    await both.has(4)
    expect(wide.got.map(({ topic }) => topic)).toEqual(
      Array.from({ length: 2 }, () => '$aws/things/thing/shadow/update/accepted'),
    )
    expect(both.got.map(({ topic }) => topic).sort()).toEqual([
      '$aws/things/thing/shadow/update/accepted',
      '$aws/things/thing/shadow/update/accepted',
      'devices/thing/shadow/update/accepted',
      'devices/thing/shadow/update/accepted',
    ])
    for (const one of [device, app, wide, both]) await one.end()
  })
})

describe('what is not a request', () => {
  it.each([
    'devices/x/shadow/update/accepted',
    'devices/x/shadow/whatever',
    '$aws/things/x/shadow/get/accepted',
    '$aws/things/x/jobs/get',
    '$aws/events/presence/connected/x',
  ])('is refused: %s', async (topic) => {
    const client = await Client.connect(system, 'eu', 'forger')
    await expect(client.publish(topic, '{}')).rejects.toMatchObject({ code: 0x87 })
    await client.end()
  })
})
