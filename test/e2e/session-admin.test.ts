// An administrator shows a session, empties its queue, ends it, and closes a connection: asked in any region.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sessionSchema } from '../../src/api/session.ts'
import { Client } from './client.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }

describe.each(['eu', 'us'])('an administrator in %s, of a client whose home is eu,', (region) => {
  let system: System
  let app: Client
  let names = 0
  beforeAll(async () => {
    system = await System.start()
    app = await Client.connect(system, 'us', 'app')
  }, SYSTEM_START_MS)
  afterAll(async () => {
    await app?.end()
    await system?.stop()
  })

  async function ask(client: string, path: string, method = 'GET', token?: string): Promise<Response> {
    const { regions, adminToken } = await system.local()
    return fetch(`${regions[region]?.http}/v1/fleets/default/clients/${client}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token ?? adminToken}` },
    })
  }

  async function session(client: string) {
    const response = await ask(client, 'session')
    expect(response.status).toBe(200)
    return sessionSchema.parse(await response.json())
  }

  /** A client that is away, with a session and so many messages in its queue. */
  async function away(messages: number): Promise<string> {
    const id = `lamp${++names}`
    const lamp = await Client.connect(system, 'eu', id, KEPT)
    await lamp.subscribe(`rooms/${id}/x`)
    await lamp.end()
    for (let i = 0; i < messages; i++) await app.publish(`rooms/${id}/x`, `${i}`)
    await until(async () => (await session(id)).queue.messages === messages)
    return id
  }

  it('sees its subscriptions and its queue', async () => {
    const id = await away(3)
    expect(await session(id)).toMatchObject({
      ...{ client: id, region: 'eu', connected: false, expirySeconds: 3600 },
      subscriptions: [{ filter: `rooms/${id}/x`, qos: 1 }],
      queue: { messages: 3, inFlight: 0, dropped: 0 },
    })
  })

  it('empties its queue: the client is told, and gets what comes afterwards', async () => {
    const id = await away(3)
    const purged = await ask(id, 'session/queue', 'DELETE')
    expect([purged.status, await purged.json()]).toEqual([200, { purged: 3 }])
    expect((await session(id)).queue).toMatchObject({ messages: 0, bytes: 0, dropped: 3 })
    await app.publish(`rooms/${id}/x`, 'later')
    const lamp = await Client.connect(system, 'eu', id, KEPT)
    expect(lamp.sessionPresent).toBe(true)
    await lamp.has(1)
    expect(lamp.texts).toEqual(['later'])
    await lamp.end()
  })

  it('ends its session: subscriptions and queue are gone', async () => {
    const id = await away(2)
    expect((await ask(id, 'session', 'DELETE')).status).toBe(204)
    expect((await ask(id, 'session')).status).toBe(404)
    // As it shall be, it is.
    expect((await ask(id, 'session', 'DELETE')).status).toBe(204)
    const lamp = await Client.connect(system, 'eu', id, KEPT)
    expect(lamp.sessionPresent).toBe(false)
    await app.publish(`rooms/${id}/x`, 'to nobody')
    expect(lamp.texts).toEqual([])
    await lamp.end()
  })

  it('closes its connection with 0x98, which leaves the session', async () => {
    const id = `lamp${++names}`
    const lamp = await Raw.connect(system, 'eu', id, { expiry: 3600 })
    await lamp.subscribe('a/b')
    expect(await session(id)).toMatchObject({ connected: true, expiresAt: null })
    expect((await ask(id, 'connection', 'DELETE')).status).toBe(204)
    expect(await lamp.gets('disconnect')).toMatchObject({ reasonCode: 0x98 })
    await until(() => lamp.closeCode !== null)
    expect(await session(id)).toMatchObject({ connected: false, subscriptions: [{ filter: 'a/b', qos: 1 }] })
  })

  it('ends a session with its connection', async () => {
    const id = `lamp${++names}`
    const lamp = await Raw.connect(system, 'eu', id, { expiry: 3600 })
    expect((await ask(id, 'session', 'DELETE')).status).toBe(204)
    expect(await lamp.gets('disconnect')).toMatchObject({ reasonCode: 0x98 })
    expect((await ask(id, 'session')).status).toBe(404)
  })

  it('hears of no session of a client that never connected; others may not ask', async () => {
    const unknown = await ask('nobody', 'session')
    expect(unknown.status).toBe(404)
    expect(await unknown.json()).toMatchObject({ type: '/problems/no-session', field: 'client' })
    const token = await system.token('lamp1')
    for (const [path, method] of [
      ['session', 'GET'],
      ['session', 'DELETE'],
      ['session/queue', 'DELETE'],
      ['connection', 'DELETE'],
    ] as const)
      expect((await ask('lamp1', path, method, token)).status).toBe(403)
  })
})
