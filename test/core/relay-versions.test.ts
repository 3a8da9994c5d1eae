// The core between edges of both relay versions: it passes bytes on as they are, and answers each side in its own version.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EdgeHttp } from '../../k8s-core/edge-http.ts'
import { Edges } from '../../k8s-core/edges.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import { encodeMessage } from '../../src/mqtt/message.ts'
import { decodeBody, encodeBody } from '../../src/relay/body.ts'
import { FRAME_TYPE } from '../../src/relay/frame.ts'
import { historyResponseSchema } from '../../src/relay/history.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { RELAY_VERSIONS, RELAY_VERSIONS_HEADER, RELAY_VERSIONS_TEXT } from '../../src/relay/version.ts'
import { coreOver, type Place, sqlitePlace } from './one-core.ts'

const SECRET = 'a relay secret of at least thirty-two characters'
const [EU, US, AP] = ['eu', 'us', 'ap'] as [RegionId, RegionId, RegionId]
const signer = new RelaySigner(SECRET, edgeParty(EU))
/** No batch of records: whoever looked into it would fail. */
const BYTES = Uint8Array.of(0xff, 0xfe, 0, 1, 2)

/** An edge that answers each envelope, and keeps what it was sent, as it came. */
class OneEdge {
  readonly calls: { readonly path: string; readonly type: string; readonly body: unknown }[] = []
  readonly server: Server
  constructor(versions: readonly number[]) {
    this.server = createServer((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        const path = request.url ?? ''
        // An edge from before ranges answers none.
        if (versions.length > 1) response.setHeader(RELAY_VERSIONS_HEADER, '1-2')
        if (!versions.some((version) => path.startsWith(`/relay/v${version}/`)))
          return response.writeHead(404).end()
        const type = request.headers['content-type'] ?? ''
        const body = decodeBody(type, new Uint8Array(Buffer.concat(pieces)), { views: true })
        this.calls.push({ path, type, body })
        const count = (body as { envelopes?: unknown[] }).envelopes?.length ?? 0
        const results = Array(count).fill({ status: 'done', outcomes: [0] })
        return response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ results }))
      })
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }
}

const edges = new Map([
  [US, new OneEdge([1, 2])],
  [AP, new OneEdge([1])],
])
let place: Place
let app: ReturnType<typeof coreOver>['app']

beforeAll(async () => {
  place = await sqlitePlace()
  await place.store.migrate()
  const urls = new Map<RegionId, string>()
  for (const [region, edge] of edges) urls.set(region, await edge.start())
  app = coreOver(place.store, new Edges(new EdgeHttp(urls, SECRET)), {
    relaySecret: SECRET,
    clientTokenSecret: SECRET,
  }).app
})

afterAll(async () => {
  for (const { server } of edges.values()) {
    server.closeAllConnections()
    server.close()
  }
  await place.store.close()
  await place.drop()
})

async function post(path: string, type: string, body: string | Uint8Array<ArrayBuffer>): Promise<Response> {
  const headers = { 'content-type': type, authorization: await signer.authorization('core') }
  return app.request(path, { method: 'POST', headers, body })
}

function envelopesFor(region: RegionId, count: number) {
  return Array.from({ length: count }, (_, i) => ({
    fleet: DEFAULT_FLEET,
    root: `rooms/${i}` as Root,
    to: { kind: 'region', region, epoch: 1 } as const,
    source: 's',
    first: 0,
    clock: 0,
    records: Uint8Array.of(...BYTES, i),
  }))
}

describe.each(RELAY_VERSIONS)('an edge that speaks version %i', (version) => {
  test('has its envelopes passed on to edges of both versions, byte for byte', async () => {
    for (const edge of edges.values()) edge.calls.length = 0
    for (let round = 0; round < 2; round++) {
      const envelopes = [...envelopesFor(US, 2), ...envelopesFor(AP, 2)]
      const { type, content } = encodeBody(version, { region: EU, envelopes })
      const response = await post(`/relay/v${version}/envelopes`, type, content)
      expect(response.headers.get(RELAY_VERSIONS_HEADER)).toBe(RELAY_VERSIONS_TEXT)
      const done = { status: 'done', outcomes: [0] }
      expect(await response.json()).toEqual({ results: [done, done, done, done] })
    }
    const [us, ap] = [US, AP].map((region) => edges.get(region)?.calls.at(-1))
    const sent = (region: RegionId) => envelopesFor(region, 2).map((envelope) => ({ envelope, epoch: 0 }))
    expect(us).toEqual({ path: '/relay/v2/us/envelopes', type: FRAME_TYPE, body: { envelopes: sent(US) } })
    expect(ap).toMatchObject({ path: '/relay/v1/ap/envelopes', type: 'application/json' })
    const text = (i: number) => Buffer.from([...BYTES, i]).toString('base64')
    expect(ap?.body).toMatchObject({
      envelopes: [{ envelope: { records: text(0) } }, { envelope: { records: text(1) } }],
    })
  })

  test('is answered in that version where the answer has bytes', async () => {
    const root = `devices/lamp-${version}` as Root
    const naming = { fleet: DEFAULT_FLEET, root }
    const record = encodeMessage({
      topic: `${root}/x`,
      qos: 1,
      retain: false,
      properties: new Uint8Array(0),
      payload: BYTES,
      expiresAt: 0,
    })
    const row = { at: Date.now(), epoch: 1, number: 1, publisher: 'lamp', record, ttlSeconds: 60 }
    await place.store.putHistory({ ...naming, clock: Date.now(), history: [row] })
    const asked = { ...naming, region: EU, filter: '#', from: 0, to: Date.now() + 1_000, order: 'oldest' }
    const body = JSON.stringify({ ...asked, limit: 1, after: null, seam: 'none' })
    const response = await post(`/relay/v${version}/history`, 'application/json', body)
    const type = response.headers.get('content-type')
    expect(type).toBe(version === 1 ? 'application/json' : FRAME_TYPE)
    const answer = decodeBody(type, new Uint8Array(await response.arrayBuffer()), { views: true })
    expect(historyResponseSchema.parse(answer)).toMatchObject({ messages: [{ record }] })
  })
})

describe('a request', () => {
  test('in a version that is not served gets the range, without a look at its signature', async () => {
    for (const path of [
      '/relay/v3/resolve',
      '/relay/v0/resolve',
      '/relay/vv/resolve',
      '/relay/v3/eu/envelopes',
    ]) {
      const response = await app.request(path, { method: 'POST' })
      expect(response.status).toBe(404)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(response.headers.get(RELAY_VERSIONS_HEADER)).toBe(RELAY_VERSIONS_TEXT)
      expect(await response.json()).toMatchObject({ detail: RELAY_VERSIONS_TEXT })
    }
  })

  test('that is refused gets the range too', async () => {
    const response = await app.request('/relay/v2/resolve', { method: 'POST' })
    expect([response.status, response.headers.get(RELAY_VERSIONS_HEADER)]).toEqual([401, RELAY_VERSIONS_TEXT])
    const unknown = await post('/relay/v2/unheard-of', 'application/json', '{}')
    expect([unknown.status, unknown.headers.get(RELAY_VERSIONS_HEADER)]).toEqual([404, RELAY_VERSIONS_TEXT])
  })

  test.each([
    ['an empty frame', FRAME_TYPE, new Uint8Array(0)],
    ['a frame that is cut off', FRAME_TYPE, Uint8Array.of(0, 0, 0, 9, 0x7b)],
    ['JSON that says it is a frame', FRAME_TYPE, '{"region":"eu"}'],
    ['a frame that says it is JSON', 'application/json', Uint8Array.of(0, 0, 0, 2, 0x7b, 0x7d)],
    ['no JSON', 'application/json', '{'],
  ])('with %s is answered 400, as problem+json', async (_, type, body) => {
    const response = await post('/relay/v2/envelopes', type, body)
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  test('with text where bytes belong is answered 400, with the field', async () => {
    const envelopes = [{ ...envelopesFor(US, 1)[0], records: 'AAA' }]
    const response = await post(
      '/relay/v2/envelopes',
      'application/json',
      JSON.stringify({ region: EU, envelopes }),
    )
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field: 'envelopes.0.records' })
  })
})
