// HTTP by the letter: conditions of RFC 9110, numbers that JSON cannot carry, addresses that are no addresses.
import http from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { COMMAND_BYTES_MAX } from '../../src/relay/command.ts'
import { Client } from './client.ts'
import { type Ask, ask as askApi } from './http.ts'
import { ShadowClient } from './shadow-client.ts'
import { SYSTEM_START_MS, System } from './system.ts'

let system: System
let token: string
beforeAll(async () => {
  system = await System.start({ regions: ['eu'] })
  token = (await system.local()).adminToken
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const ask = (path: string, request: Ask = {}, where = 'eu') => askApi(system, where, token, path, request)
const shadow = (device: string, request: Ask = {}) => ask(`/v1/devices/${device}/shadow`, request)
const desired = (state: object) => ({ method: 'PATCH', body: { state: { desired: state } } })

/** As `ask`, with an address that `fetch` would rewrite. */
async function askRaw(where: string, path: string): Promise<{ status: number; body: string }> {
  const local = await system.local()
  const url = new URL((where === 'core' ? local.core.http : local.regions[where]?.http) ?? '')
  return new Promise((done, failed) => {
    const headers = { authorization: `Bearer ${token}` }
    const request = http.get(
      { host: url.hostname, port: url.port, path, headers, agent: false },
      (answer) => {
        let body = ''
        answer.on('data', (part) => {
          body += String(part)
        })
        answer.on('end', () => done({ status: answer.statusCode ?? 0, body }))
      },
    )
    request.on('error', failed)
  })
}

describe('a condition', () => {
  it('If-Match: * changes and deletes what exists, and is 412 for what does not', async () => {
    const any = { headers: { 'if-match': '*' } }
    expect(await shadow('none', { ...desired({ a: 1 }), ...any })).toMatchObject({
      status: 412,
      body: { field: 'If-Match' },
    })
    expect((await shadow('none')).status).toBe(404)
    await shadow('some', desired({ a: 1 }))
    expect(await shadow('some', { ...desired({ a: 2 }), ...any })).toMatchObject({
      status: 200,
      body: { version: 2 },
    })
    expect((await shadow('some', { method: 'DELETE', ...any })).status).toBe(200)
    expect((await shadow('some', { method: 'DELETE', ...any })).status).toBe(412)
    expect((await shadow('some', { ...desired({ a: 3 }), ...any })).status).toBe(412)
  })

  it('If-None-Match compares weakly, and * is whatever exists', async () => {
    await shadow('known', desired({ a: 1 }))
    const status = async (match: string) =>
      (await shadow('known', { headers: { 'if-none-match': match } })).status
    expect(await status('W/"1"')).toBe(304)
    expect(await status('"7", W/"1"')).toBe(304)
    expect(await status('*')).toBe(304)
    expect(await status('W/"2"')).toBe(200)
    expect((await shadow('never', { headers: { 'if-none-match': '*' } })).status).toBe(404)
  })

  it('of a registered device is obeyed alike, and an empty one is refused', async () => {
    await ask('/v1/fleets/default', { method: 'PUT', body: {} }, 'core')
    const device = (id: string, match: string, method = 'PATCH') =>
      ask(
        `/v1/devices/${id}`,
        { method, headers: { 'if-match': match }, ...(method === 'PATCH' && { body: { enabled: true } }) },
        'core',
      )
    expect(await device('meter', '*')).toMatchObject({ status: 412, body: { field: 'If-Match' } })
    expect((await ask('/v1/devices', { method: 'POST', body: { id: 'meter' } }, 'core')).status).toBe(201)
    expect((await device('meter', '*')).status).toBe(200)
    expect(await device('meter', '')).toMatchObject({ status: 400, body: { field: 'If-Match' } })
    expect((await device('meter', '*', 'DELETE')).status).toBe(200)
  })
})

describe('a number that JSON cannot carry', () => {
  const texts = { infinite: '1e400', rounded: '9007199254740993' }

  it.each(Object.entries(texts))('is refused in a shadow by HTTP, with its field: %s', async (_, number) => {
    const body = `{"state":{"desired":{"a":{"n":${number}}}}}`
    for (const headers of [{}, { 'if-match': '"0"' }])
      expect(await shadow('numbers', { method: 'PATCH', body, headers })).toMatchObject({
        status: 400,
        body: { field: 'state.desired.a.n' },
      })
    expect((await shadow('numbers')).status).toBe(404)
  })

  it('is kept exactly where it can be, with a condition too', async () => {
    const body = '{"state":{"desired":{"n":9007199254740992,"x":0.10000000000000001}}}'
    expect((await shadow('exact', { method: 'PATCH', body, headers: { 'if-match': '"0"' } })).status).toBe(
      200,
    )
    expect((await shadow('exact')).body.state.desired).toEqual({ n: 2 ** 53, x: 0.1 })
  })

  it('is refused in a shadow by MQTT, with its field in the message', async () => {
    const device = await ShadowClient.connect(system, 'eu', 'by-mqtt', 'devices/by-mqtt/shadow')
    await device.listen('update/rejected')
    await device.client.publish(
      'devices/by-mqtt/shadow/update',
      '{"clientToken":"t","state":{"reported":{"n":1e400}}}',
      { qos: 1 },
    )
    await device.client.has(1)
    const rejected = device.of('update/rejected')[0]
    expect(rejected?.body).toMatchObject({
      code: 400,
      clientToken: 't',
      message: expect.stringContaining('state.reported.n'),
    })
    await device.end()
  })

  it('is refused in a message and in a call of a device', async () => {
    expect(
      await ask('/v1/publish', { method: 'POST', body: '{"topic":"a/b","json":{"n":1e400}}' }),
    ).toMatchObject({ status: 400, body: { field: 'json.n' } })
    const body = '{"name":"x","json":[9007199254740993]}'
    expect(await ask('/v1/devices/lamp/commands', { method: 'POST', body })).toMatchObject({
      status: 400,
      body: { field: 'json.0' },
    })
  })
})

describe('an address', () => {
  it.each(['eu', 'core'])('with a % that encodes nothing is refused with 400 at %s', async (where) => {
    for (const path of ['/v1/devices/%zz/shadow', '/v1/devices/%ff/shadow', '/v1/devices/a%/shadow']) {
      const { status, body } = await askRaw(where, path)
      expect(status).toBe(400)
      expect(JSON.parse(body)).toMatchObject({ type: '/problems/invalid-request', field: 'path' })
    }
    const { status, body } = await askRaw(where, '/v1/devices/lamp/shadow?name=%zz')
    expect(status).toBe(400)
    expect(JSON.parse(body)).toMatchObject({ field: 'name' })
  })

  it('with a client id that a path cannot carry is refused, and the registry takes none', async () => {
    for (const id of ['%2e', '%2E%2e'])
      expect(await askRaw('eu', `/v1/devices/${id}/shadow`)).toMatchObject({
        status: 400,
        body: expect.stringContaining('"device"'),
      })
    for (const id of ['.', '..'])
      expect(await ask('/v1/devices', { method: 'POST', body: { id } }, 'core')).toMatchObject({
        status: 400,
        body: { field: 'id' },
      })
  })
})

describe('the subprotocol', () => {
  it('mqttv3.1 alone is refused with what to do', async () => {
    const { http: url = '' } = (await system.local()).regions.eu ?? {}
    const socket = new WebSocket(`${url.replace('http', 'ws')}/mqtt/lamp`, ['mqttv3.1'])
    socket.on('error', () => undefined)
    const answer = await new Promise<http.IncomingMessage>((done) =>
      socket.on('unexpected-response', (_, response) => done(response)),
    )
    let text = ''
    for await (const part of answer) text += String(part)
    expect(answer.statusCode).toBe(400)
    expect(JSON.parse(text)).toMatchObject({
      type: '/problems/unsupported-subprotocol',
      detail: expect.stringMatching(/3\.1\.1 or 5\.0.*offer mqtt/),
    })
  })
})

describe('the answer of a device', () => {
  it('is taken with as many bytes as it may have, and one byte more is said to be too many', async () => {
    const lamp = await Client.connect(system, 'eu', 'lamp')
    const properties = { contentType: 'text/plain', userProperties: { took: '3' } }
    lamp.mqtt.on('message', (topic, payload) => {
      const text = 'x'.repeat(Number(String(payload)))
      lamp.mqtt.publish(`devices/lamp/answers/${topic.split('/').at(-1)}`, text, { qos: 1, properties })
    })
    await lamp.subscribe('devices/lamp/commands/#')
    const call = (bytes: number) =>
      ask('/v1/devices/lamp/commands', { method: 'POST', body: { name: 'fill', text: String(bytes) } })
    const largest = await call(COMMAND_BYTES_MAX)
    expect(largest.status).toBe(200)
    expect(largest.body.answer.text).toHaveLength(COMMAND_BYTES_MAX)
    const larger = await call(COMMAND_BYTES_MAX + 1)
    expect(larger).toMatchObject({
      status: 502,
      body: { title: expect.stringContaining('too large'), detail: expect.stringContaining('131072 bytes') },
    })
    expect(await ask(`/v1/devices/lamp/commands/${larger.body.commandId}`)).toMatchObject({
      body: { answer: { tooLarge: true } },
    })
    await lamp.end()
  })
})
