// The HTTP call between edge and core, where connections break, and where pods of different releases answer.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { PeerVersion, VERSION_REFUSED_MS } from '../../src/relay/peer-version.ts'
import { postRelay, relayAnswer } from '../../src/relay/post.ts'
import { RELAY_VERSIONS_HEADER } from '../../src/relay/version.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serving(serve: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const listening = createServer(serve)
  server = listening
  await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

const BODY = { records: Uint8Array.of(1, 2, 3) }

function callTo(base: string, version = new PeerVersion(), signal = AbortSignal.timeout(5_000)) {
  return { base, version, path: 'envelopes', headers: {}, body: BODY, signal }
}

/** Breaks the connections of its first calls, and answers the later ones with what they sent. */
async function breaking(first: number, called: () => void = () => undefined) {
  let calls = 0
  const base = await serving((request, response) => {
    called()
    if (++calls > first) request.pipe(response)
    else request.socket.destroy()
  })
  return { base, calls: () => calls }
}

test('a call whose connection breaks before the answer is tried again', async () => {
  const { base } = await breaking(2)
  const response = await postRelay(callTo(base))
  expect(await response.json()).toEqual({ records: 'AQID' })
})

test('a call that is never answered is given up after three tries', async () => {
  const { base, calls } = await breaking(Number.POSITIVE_INFINITY)
  await expect(postRelay(callTo(base))).rejects.toThrow()
  expect(calls()).toBe(3)
})

test('once the time is over it is not tried again', async () => {
  const over = new AbortController()
  const { base, calls } = await breaking(Number.POSITIVE_INFINITY, () => over.abort())
  await expect(postRelay(callTo(base, new PeerVersion(), over.signal))).rejects.toThrow()
  expect(calls()).toBe(1)
})

/** A release by what it serves; `old` is from before ranges, and knows version 1 only. */
type Release = 'old' | readonly [min: number, max: number]

/** Pods behind one address, which take turns. A served call is answered with its own body. */
async function podsOf(...releases: Release[]) {
  const paths: string[] = []
  const pods = { releases, paths, base: '' }
  pods.base = await serving((request, response) => {
    const release = pods.releases[paths.length % pods.releases.length] as Release
    paths.push(request.url ?? '')
    const [min, max] = release === 'old' ? [1, 1] : release
    const version = Number(/^\/relay\/v(\d+)\/envelopes$/.exec(request.url ?? '')?.[1])
    if (release !== 'old') response.setHeader(RELAY_VERSIONS_HEADER, `${min}-${max}`)
    response.setHeader('content-type', request.headers['content-type'] ?? '')
    if (version >= min && version <= max) request.pipe(response)
    else request.resume().on('end', () => response.writeHead(404).end())
  })
  return pods
}

describe('a peer', () => {
  /** Each call must be answered, in whatever version. */
  async function call(pods: { readonly base: string }, version: PeerVersion): Promise<void> {
    const response = await postRelay(callTo(pods.base, version))
    expect(response.status).toBe(200)
    const framed = response.headers.get('content-type') !== 'application/json'
    expect(await relayAnswer(response, true)).toEqual(framed ? BODY : { records: 'AQID' })
  }

  test('of the release before is called in version 1', async () => {
    const pods = await podsOf('old')
    const version = new PeerVersion()
    for (let i = 0; i < 3; i++) await call(pods, version)
    expect(pods.paths).toEqual(Array(3).fill('/relay/v1/envelopes'))
  })

  test('of this release is called in version 2 from its first answer on, and then sent bytes as they are', async () => {
    const pods = await podsOf([1, 2])
    const version = new PeerVersion()
    for (let i = 0; i < 3; i++) await call(pods, version)
    expect(pods.paths).toEqual(['/relay/v1/envelopes', '/relay/v2/envelopes', '/relay/v2/envelopes'])
  })

  test('of a later release is called in the highest version that this side has', async () => {
    const pods = await podsOf([2, 7])
    const version = new PeerVersion()
    for (let i = 0; i < 2; i++) await call(pods, version)
    expect(pods.paths).toEqual(['/relay/v1/envelopes', '/relay/v2/envelopes', '/relay/v2/envelopes'])
  })

  test('that is rolled back in the middle gets the same call again in version 1', async () => {
    const pods = await podsOf([1, 2])
    const version = new PeerVersion()
    for (let i = 0; i < 2; i++) await call(pods, version)
    pods.releases = ['old']
    pods.paths.length = 0
    for (let i = 0; i < 2; i++) await call(pods, version)
    expect(pods.paths).toEqual(['/relay/v2/envelopes', '/relay/v1/envelopes', '/relay/v1/envelopes'])
  })

  test('of old and new pods answers every call, and one refusal brings all calls down for a while', async () => {
    let now = 0
    const pods = await podsOf([1, 2], 'old', [1, 2], [1, 2])
    const version = new PeerVersion(() => now)
    for (let i = 0; i < 12; i++) await call(pods, version)
    // The first goes up by a new pod's answer, and meets the old one.
    expect(pods.paths.slice(0, 3)).toEqual([
      '/relay/v1/envelopes',
      '/relay/v2/envelopes',
      '/relay/v1/envelopes',
    ])
    expect(new Set(pods.paths.slice(3))).toEqual(new Set(['/relay/v1/envelopes']))
    // All are new now.
    pods.releases = [[1, 2]]
    now += VERSION_REFUSED_MS
    pods.paths.length = 0
    for (let i = 0; i < 3; i++) await call(pods, version)
    expect(pods.paths.at(-1)).toBe('/relay/v2/envelopes')
  })

  test('with no version in common is named with both ranges', async () => {
    const pods = await podsOf([8, 9])
    await expect(postRelay(callTo(pods.base))).rejects.toThrow('this side serves 1-2, the other 8-9')
    expect(pods.paths).toHaveLength(1)
  })

  test('whose range changes with each answer is not asked without end', async () => {
    const pods = await podsOf([1, 2])
    const version = new PeerVersion()
    await call(pods, version)
    pods.releases = [
      [1, 1],
      [2, 2],
    ]
    pods.paths.length = 0
    await postRelay(callTo(pods.base, version)).catch(() => undefined)
    expect(pods.paths.length).toBeLessThan(6)
  })

  test('that has no such call says so, and is not asked in another version', async () => {
    const pods = await podsOf([1, 2])
    const version = new PeerVersion()
    await call(pods, version)
    pods.paths.length = 0
    const response = await postRelay({ ...callTo(pods.base, version), path: 'unheard-of' })
    expect([response.status, pods.paths]).toEqual([404, ['/relay/v2/unheard-of']])
  })
})
