// The directory has gone back in time, as after a restore from a backup: it has forgotten where clients have moved to.
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const CLIENTS = ['stays', 'returns', 'goes-on', 'asked', 'rests'] as const
const TEST_MS = 60_000

let system: System

function inStore<T>(act: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path.join(system.dir, 'core.sqlite'), { timeout: 5_000 })
  try {
    return act(database)
  } finally {
    database.close()
  }
}

function homeOf(client: string) {
  const row = inStore((database) =>
    database.prepare('SELECT region, epoch, import_from FROM home WHERE root = ?').get(`devices/${client}`),
  )
  return { region: row?.region, epoch: row?.epoch, importFrom: row?.import_from }
}

describe('a directory that has forgotten where clients moved to', () => {
  let app: Client

  beforeAll(async () => {
    system = await System.start({ regions: ['ap', 'eu', 'us'] })
    app = await Client.connect(system, 'ap', 'app')
    for (const id of CLIENTS) {
      const before = await Client.connect(system, 'eu', id, KEPT)
      await before.subscribe(`devices/${id}/cmd`)
      await before.end()
      const moved = await Client.connect(system, 'us', id, KEPT)
      expect(moved.sessionPresent).toBe(true)
      await moved.end()
      await until(() => homeOf(id).importFrom === null)
      expect(homeOf(id)).toEqual({ region: 'us', epoch: 2, importFrom: null })
    }
    inStore((database) =>
      database.exec("UPDATE home SET region = 'eu', epoch = 1 WHERE root LIKE 'devices/%' AND epoch = 2"),
    )
    // What a core remembers would put it right.
    await system.killAndWait('core')
    await until(async () => (await system.serves('core')) && app.mqtt.connected)
  }, SYSTEM_START_MS + TEST_MS)
  afterAll(() => system.stop())

  it.each([
    ['the former home when something is published elsewhere', 'stays', 'us', { region: 'us', epoch: 2 }],
    ['a client that comes back to its former home', 'returns', 'eu', { region: 'eu', epoch: 3 }],
    // Above the home that was forgotten.
    [
      'the former home when the client goes on to a third region',
      'goes-on',
      'ap',
      { region: 'ap', epoch: 3 },
    ],
  ])('learns it from %s', { timeout: TEST_MS }, async (_, id, region, home) => {
    expect(homeOf(id)).toMatchObject({ region: 'eu', epoch: 1 })
    const client = await Client.connect(system, region, id, KEPT)
    expect(client.sessionPresent).toBe(true)
    await app.publish(`devices/${id}/cmd`, 'from elsewhere')
    await client.has(1)
    expect(homeOf(id)).toMatchObject(home)
    await client.end()
  })

  it('learns it when somebody elsewhere subscribes', { timeout: TEST_MS }, async () => {
    for (const region of ['eu', 'ap']) {
      expect(homeOf('asked').region).toBe(region === 'eu' ? 'eu' : 'us')
      const watch = await Client.connect(system, region, `watch-${region}`)
      expect(await watch.subscribe('devices/asked/state')).toEqual([1])
      const asked = await Client.connect(system, 'us', 'asked', KEPT)
      await asked.publish('devices/asked/state', 'on')
      await watch.has(1)
      await asked.end()
      await watch.end()
    }
    expect(homeOf('asked')).toMatchObject({ region: 'us', epoch: 2 })
  })

  it('learns it when the client’s presence is asked for elsewhere', { timeout: TEST_MS }, async () => {
    const { http } = (await system.local()).regions.ap ?? { http: '' }
    const answer = await fetch(`${http}/v1/clients/rests/presence`, {
      headers: { authorization: `Bearer ${await system.token('rests')}` },
    })
    expect(await answer.json()).toMatchObject({ state: 'disconnected', region: 'us', epoch: 2 })
    expect(homeOf('rests')).toMatchObject({ region: 'us', epoch: 2 })
  })
})
