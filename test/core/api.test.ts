// The core's public API: who may ask, what is refused and how, what the document lists.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseChosen } from '../../src/history/chosen.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET, type FleetId, type RegionId } from '../../src/id/ids.ts'
import { BODY_BYTES_MAX } from '../../src/relay/body.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { type OneCore, startOneCore } from './one-core.ts'

const RELAY_SECRET = 'a relay secret of at least thirty-two characters'
const TOKEN_SECRET = "the secret of the clients' tokens, as long as that"

let core: OneCore
let admin: string

const token = (claims: { client?: string; fleet?: string; admin?: boolean }, secret = TOKEN_SECRET) =>
  signClientToken(
    {
      client: (claims.client ?? 'someone') as ClientId,
      fleet: (claims.fleet ?? DEFAULT_FLEET) as FleetId,
      admin: claims.admin ?? false,
    },
    secret,
    60,
  )

beforeAll(async () => {
  core = await startOneCore({ relaySecret: RELAY_SECRET, clientTokenSecret: TOKEN_SECRET })
  admin = await token({ admin: true })
})

afterAll(() => core.close())

async function ask(asked: string, bearer: string | null, init: RequestInit = {}, of = core) {
  const headers = { ...(bearer !== null && { authorization: `Bearer ${bearer}` }), ...init.headers }
  const response = await of.app.request(asked, { ...init, headers })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : (JSON.parse(text) as Record<string, unknown>),
  }
}

describe('the core’s public API', () => {
  test('takes the clients’ tokens, and refuses all else as a problem', async () => {
    const asked = '/v1/clients/lamp/presence'
    expect(await ask(asked, admin)).toMatchObject({ status: 404, body: { field: 'client' } })
    for (const wrong of [null, 'nonsense', await token({ admin: true }, RELAY_SECRET)]) {
      const refused = await ask(asked, wrong)
      expect(refused).toMatchObject({ status: 401, body: { status: 401, field: 'Authorization' } })
      expect(refused.headers.get('content-type')).toBe('application/problem+json')
      expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  test('tells a client’s presence to itself and to administrators of its fleet', async () => {
    const asked = '/v1/fleets/default/clients/lamp/presence'
    expect((await ask(asked, await token({ client: 'lamp' }))).status).toBe(404)
    expect(await ask(asked, await token({}))).toMatchObject({ status: 403, body: { field: 'client' } })
    const other = await token({ fleet: 'other', admin: true })
    expect(await ask(asked, other)).toMatchObject({ status: 403, body: { field: 'fleet' } })
  })

  test('says of a history that is off, or keeps other topics, that it is so', async () => {
    const off = await startOneCore({
      relaySecret: RELAY_SECRET,
      clientTokenSecret: TOKEN_SECRET,
      chosen: parseChosen(''),
    })
    const some = await startOneCore({
      relaySecret: RELAY_SECRET,
      clientTokenSecret: TOKEN_SECRET,
      chosen: parseChosen('devices/+/telemetry=7d'),
    })
    const asked = (one: OneCore, path: string) => ask(path, admin, {}, one)
    const problem = { type: '/problems/history-off', field: 'topic' }
    for (const path of ['/v1/devices/lamp/history', '/v1/history?topic=rooms/42/%23'])
      expect(await asked(off, path)).toMatchObject({ status: 404, body: problem })
    expect(await asked(some, '/v1/devices/lamp/history')).toMatchObject({ status: 200, body: { items: [] } })
    expect(await asked(some, '/v1/devices/lamp/history?topic=log')).toMatchObject({
      status: 404,
      body: problem,
    })
    // A core that was not told what the edges keep cannot say.
    expect(await asked(core, '/v1/devices/lamp/history')).toMatchObject({ status: 200, body: { items: [] } })
    await off.close()
    await some.close()
  })

  test('names the field that is wrong', async () => {
    const wrong = await ask('/v1/devices/%24lamp/shadow', admin)
    expect(wrong).toMatchObject({ status: 400, body: { field: 'device' } })
    expect(await ask('/v1/devices/lamp/shadow?name=a/b', admin)).toMatchObject({
      status: 400,
      body: { field: 'name' },
    })
  })

  test('says what is possible where a method is not, and that nothing is where nothing is', async () => {
    const refused = await ask('/v1/devices/lamp/shadow', admin, { method: 'PATCH' })
    expect(refused.status).toBe(405)
    expect(refused.headers.get('allow')).toBe('GET')
    expect((await ask('/v1/nothing', admin)).status).toBe(404)
    expect((await ask('/nothing', null)).status).toBe(404)
  })

  test('may be asked from a page of another origin', async () => {
    const headers = { origin: 'https://page.example', 'access-control-request-method': 'PATCH' }
    const preflight = await ask('/v1/devices/lamp/shadow', null, { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    const refused = await ask('/v1/devices/lamp/shadow', null, { headers })
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
  })

  test('lists its routes in an OpenAPI 3.1 document, each with a token and the problems it may answer', async () => {
    const { body } = await ask('/openapi.json', null)
    expect(body).toMatchObject({
      openapi: '3.1.0',
      components: {
        securitySchemes: { bearer: { scheme: 'bearer' } },
        schemas: { Problem: { properties: { field: { type: 'string' } } } },
      },
    })
    const { paths } = body as { paths: Record<string, Record<string, Operation>> }
    expect(Object.keys(paths)).toContain('/v1/devices/{device}/shadow')
    for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
      expect(operation.operationId).toMatch(/^\w+$/)
      // Who asks for a credential has no token.
      const open = operation.operationId === 'provision'
      expect(operation.security).toEqual(open ? undefined : [{ bearer: [] }])
      expect(Object.keys(operation.responses)).toEqual(
        expect.arrayContaining(open ? ['400'] : ['400', '401']),
      )
    }
  })
})

interface Operation {
  readonly security: unknown
  readonly operationId: string
  readonly responses: Record<string, unknown>
}

describe('a body for the relay', () => {
  /** A chunked body that never ends, and how much of it was read. */
  function endless() {
    const pulled = { bytes: 0 }
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled.bytes += 65_536
          controller.enqueue(new Uint8Array(65_536))
        },
      },
      { highWaterMark: 0 },
    )
    return { pulled, body }
  }
  const post = (body: ReadableStream<Uint8Array>, headers: Record<string, string>) =>
    core.app.request('/relay/v1/envelopes', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)

  test('is not read before its token is checked', async () => {
    for (const headers of [{}, { authorization: 'Bearer nonsense' }] as Record<string, string>[]) {
      const { pulled, body } = endless()
      expect((await post(body, headers)).status).toBe(401)
      expect(pulled.bytes).toBe(0)
    }
  })

  test('is read no further than its bound, though it does not say its size', async () => {
    const signer = new RelaySigner(RELAY_SECRET, edgeParty('eu' as RegionId))
    const { pulled, body } = endless()
    const refused = await post(body, { authorization: await signer.authorization('core') })
    expect(refused.status).toBe(413)
    expect(pulled.bytes).toBeLessThanOrEqual(BODY_BYTES_MAX + 2 * 65_536)
  })
})
