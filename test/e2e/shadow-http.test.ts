// Shadows over HTTP: read and changed in any region, by version, and read from the core when the home's region is down.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ask, ask as askApi } from './http.ts'
import { ShadowClient } from './shadow-client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System
let token: string
beforeAll(async () => {
  system = await System.start()
  token = await system.token('some-app')
}, SYSTEM_START_MS)
afterAll(() => system.stop())

type Asked = Ask & { readonly name?: string }

async function ask(region: string, device: string, { name, ...request }: Asked = {}) {
  const query = name === undefined ? '' : `?name=${encodeURIComponent(name)}`
  return askApi(system, region, token, `/v1/devices/${device}/shadow${query}`, request)
}

const desired = (state: object) => ({ method: 'PATCH', body: { state: { desired: state } } })

describe('a shadow over HTTP', () => {
  it('is changed in the other region, and its device gets the change, and read in both', async () => {
    const device = await ShadowClient.connect(system, 'eu', 'heater', 'devices/heater/shadow')
    await device.listen('update/#', '+/rejected')
    const changed = await ask('us', 'heater', desired({ target: 21 }))
    expect(changed).toMatchObject({ status: 200, body: { version: 1, state: { desired: { target: 21 } } } })
    expect(changed.headers.get('etag')).toBe('"1"')
    await until(() => device.of('update/documents').length === 1)
    // By no topic it was asked, so nobody is told of the request itself.
    expect(device.said.map(({ topic }) => topic)).toEqual([
      'update/accepted',
      'update/delta',
      'update/documents',
    ])
    for (const region of ['eu', 'us']) {
      const read = await ask(region, 'heater')
      expect(read).toMatchObject({
        status: 200,
        body: { version: 1, state: { desired: { target: 21 }, delta: { target: 21 } } },
      })
      expect(read.headers.get('etag')).toBe('"1"')
      expect((await ask(region, 'heater', { headers: { 'if-none-match': '"1"' } })).status).toBe(304)
    }
    await device.end()
  })

  it('is changed only for the version that If-Match names', async () => {
    await ask('eu', 'matched', desired({ a: 1 }))
    const stale = await ask('us', 'matched', { ...desired({ a: 2 }), headers: { 'if-match': '"7"' } })
    expect(stale).toMatchObject({ status: 412, body: { field: 'If-Match', detail: 'the version is 1' } })
    const body = { state: { desired: { a: 2 } }, version: 7 }
    expect(await ask('us', 'matched', { method: 'PATCH', body })).toMatchObject({
      status: 409,
      body: { field: 'version' },
    })
    expect(
      await ask('us', 'matched', { ...desired({ a: 2 }), headers: { 'if-match': '"1"' } }),
    ).toMatchObject({
      status: 200,
      body: { version: 2 },
    })
    expect((await ask('us', 'matched', { method: 'DELETE', headers: { 'if-match': '"1"' } })).status).toBe(
      412,
    )
    expect((await ask('us', 'matched', { method: 'DELETE', headers: { 'if-match': '"2"' } })).status).toBe(
      200,
    )
    expect((await ask('eu', 'matched')).status).toBe(404)
  })

  it('has a name or none', async () => {
    expect((await ask('eu', 'named', { ...desired({ a: 1 }), name: 'wifi' })).status).toBe(200)
    expect((await ask('us', 'named', { name: 'wifi' })).body).toMatchObject({ state: { desired: { a: 1 } } })
    expect(await ask('us', 'named')).toMatchObject({
      status: 404,
      body: { title: "No shadow exists with name: 'named'" },
    })
  })

  it.each([
    ['without a token', { headers: { authorization: '' } }, 401, 'Authorization'],
    ['of a device that never was', {}, 404, 'device'],
    ['with a bad name', { name: 'a/b' }, 400, 'name'],
    ['with a body that is no JSON', { method: 'PATCH', body: '{' }, 400, undefined],
    [
      'with a body of another type',
      { ...desired({}), headers: { 'content-type': 'text/plain' } },
      415,
      'Content-Type',
    ],
    ['without a state', { method: 'PATCH', body: {} }, 400, 'state'],
    [
      'with a desired that is none',
      { method: 'PATCH', body: { state: { desired: 1 } } },
      400,
      'state.desired',
    ],
    ['with a version that is none', { method: 'PATCH', body: { state: {}, version: 'x' } }, 400, 'version'],
    ['with a match that is none', { ...desired({}), headers: { 'if-match': 'W/"1"' } }, 400, 'If-Match'],
    ['with too much', { method: 'PATCH', body: 'x'.repeat(300_000) }, 413, undefined],
    ['with too large a state', desired({ a: 'x'.repeat(70_000) }), 413, undefined],
  ] as const)('is refused %s, with what is wrong', async (_, asked, status, field) => {
    const refused = await ask('us', 'strict', asked as Asked)
    expect(refused).toMatchObject({ status, body: { status, ...(field !== undefined && { field }) } })
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
  })

  it('is read from the core while the region of its home is down, with its age, and cannot be changed', async () => {
    await ask('eu', 'cut-off', desired({ a: 1 }))
    const before = await ask('us', 'cut-off')
    expect(before.body).not.toHaveProperty('synced')
    await new Promise((done) => setTimeout(done, 3_000))
    const thaw = await system.freeze('eu')
    try {
      const read = await ask('us', 'cut-off')
      expect(read).toMatchObject({
        status: 200,
        body: { version: 1, state: { desired: { a: 1 } }, synced: { region: 'eu' } },
      })
      expect(Number(read.headers.get('age'))).toBeGreaterThanOrEqual(3)
      expect(await ask('us', 'cut-off', desired({ a: 2 }))).toMatchObject({ status: 503 })
      expect((await ask('us', 'cut-off', { name: 'none' })).status).toBe(404)
    } finally {
      thaw()
    }
    expect((await ask('us', 'cut-off', desired({ a: 3 }))).status).toBe(200)
  }, 60_000)
})
