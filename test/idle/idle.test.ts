// Promise 8 on real workerd: what a client costs that is connected and silent.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type ServerType, serve } from '@hono/node-server'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYNC_ALARM_MS } from '../../actors/limits.ts'
import { EDGE_OPTIONS } from '../../src/cli/edge-options.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET } from '../../src/id/ids.ts'
import { ACK_WAIT_MS } from '../../src/session/limits.ts'
import { type OneCore, startOneCore } from '../core/one-core.ts'
import { Raw } from '../e2e/raw.ts'
import type { System } from '../e2e/system.ts'

const SECRET = 'a secret of more than thirty-two characters'
/** workerd lets an actor hibernate after 10 s without an event. */
const HIBERNATES_MS = 12_000
/** When nothing has been counted for so long, no alarm is to come of what was before. */
const QUIET_MS = SYNC_ALARM_MS + 1_000
/** The rounds are made again on a machine so busy that in one of them an acknowledgement was late. */
const ROUNDS_TRIES = 5

let dir: string
let miniflare: Miniflare
let server: ServerType
let core: OneCore
let url: string

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'starling-idle-'))
  const worker = path.join(dir, 'worker.mjs')
  await build({
    entryPoints: [path.join(import.meta.dirname, 'counting-worker.ts')],
    bundle: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    outfile: worker,
  })
  core = await startOneCore({ relaySecret: SECRET, clientTokenSecret: SECRET })
  const corePort = await new Promise<number>((ready) => {
    server = serve({ fetch: core.app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => ready(port))
  })
  miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: worker }],
    modulesRoot: dir,
    ...EDGE_OPTIONS,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    bindings: {
      REGION: 'eu',
      REGIONS: 'eu',
      CORE_URL: `http://127.0.0.1:${corePort}`,
      RELAY_SECRET: SECRET,
      CLIENT_TOKEN_SECRET: SECRET,
    },
  })
  url = (await miniflare.unsafeGetDirectURL()).origin
}, 60_000)

afterAll(async () => {
  await miniflare?.dispose()
  server?.close()
  await core?.close()
  await rm(dir, { recursive: true, force: true })
})

const system = {
  mqttUrl: () => Promise.resolve(`${url.replace('http', 'ws')}/mqtt`),
  token: (client: string) =>
    signClientToken({ client: client as ClientId, fleet: DEFAULT_FLEET, admin: false }, SECRET, 3600),
} as unknown as System

interface Counts {
  readonly made: number
  readonly sql: number
  readonly rows: number
  readonly alarms: number
}

async function counts(): Promise<Counts> {
  return (await (await fetch(`${url}/counts`)).json()) as Counts
}

/** What is counted when all that was done so far has had its consequences. */
async function quiet(): Promise<Counts> {
  for (let last = await counts(); ; ) {
    await sleep(QUIET_MS)
    const now = await counts()
    if (isDeepStrictEqual(now, last)) return now
    last = now
  }
}

const publish = (topic: string, payload: string) =>
  ({ cmd: 'publish', topic, payload, qos: 1, messageId: 7, dup: false, retain: false }) as const

describe('a client that is connected', () => {
  it('a silent client writes nothing and leaves no actor in memory; a PINGREQ and a message find it again', {
    timeout: 90_000,
  }, async () => {
    const idle = await Raw.connect(system, 'eu', 'idle')
    idle.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/idle/cmd', qos: 1 }] })
    await idle.gets('suback')
    const connected = await quiet()

    await sleep(HIBERNATES_MS)
    expect(await counts()).toEqual(connected)

    // a PINGREQ to a hibernating actor is answered without touching storage
    idle.send({ cmd: 'pingreq' })
    await idle.gets('pingresp')
    const pinged = await counts()
    expect(pinged).toEqual({ ...connected, made: connected.made + 1 })

    await sleep(HIBERNATES_MS)
    const talker = await Raw.connect(system, 'eu', 'talker')
    talker.send(publish('devices/idle/cmd', 'wake up'))
    expect(await idle.gets('publish')).toMatchObject({ topic: 'devices/idle/cmd' })
    expect(await talker.gets('puback')).toMatchObject({ messageId: 7 })
    // The actor was made anew for the message, so it had left memory; what it needed stood in the attachment.
    expect((await counts()).made).toBeGreaterThanOrEqual(pinged.made + 2)
    idle.drop()
    talker.drop()
  })

  it('five hundred that are silent wake nothing', { timeout: 90_000 }, async () => {
    const crowd: Raw[] = []
    for (let i = 0; i < 500; i += 50)
      crowd.push(
        ...(await Promise.all(
          Array.from({ length: 50 }, (_, j) => Raw.connect(system, 'eu', `crowd-${i + j}`)),
        )),
      )
    await sleep(HIBERNATES_MS)
    const silent = await counts()
    await sleep(HIBERNATES_MS)
    expect(await counts()).toEqual(silent)
    for (const one of crowd) one.drop()
  })

  it('a session that ends with its connection writes four rows, of its presence, and sets no alarm once it is known', {
    timeout: 90_000,
  }, async () => {
    const first = await Raw.connect(system, 'eu', 'known')
    first.send({ cmd: 'disconnect' })
    await first.closed()
    const before = await quiet()
    const second = await Raw.connect(system, 'eu', 'known')
    const connected = await quiet()
    expect(connected.rows - before.rows).toBe(2)
    second.drop()
    const after = await quiet()
    expect(after.rows - connected.rows).toBe(2)
    expect(after.alarms).toBe(before.alarms)
  })

  it('messages that are acknowledged in time write nothing', { timeout: 120_000 }, async () => {
    const listener = await Raw.connect(system, 'eu', 'listener', { clean: false, expiry: 3600 })
    listener.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'devices/listener/cmd', qos: 1 }],
    })
    await listener.gets('suback')
    const talker = await Raw.connect(system, 'eu', 'talker-2')
    let rounds = 0
    /** How long it took, which is longer than the actor waited for PUBACK. */
    const round = async () => {
      const i = ++rounds
      const from = performance.now()
      talker.send({ ...publish('devices/listener/cmd', `m${i}`), messageId: i })
      const { messageId } = await listener.gets('publish', i)
      listener.send({ cmd: 'puback', messageId: messageId ?? 0 })
      await talker.gets('puback', i)
      return performance.now() - from
    }
    // The first message of a shard lets its WideActor learn, once for ever, what the other regions want.
    await round()
    for (let left = ROUNDS_TRIES; ; left--) {
      await quiet()
      // The first message after a silence finds some of its way asleep.
      await round()
      const before = await counts()
      let longest = 0
      for (let i = 0; i < 50; i++) longest = Math.max(longest, await round())
      if (longest >= ACK_WAIT_MS && left > 1) continue
      expect(await counts()).toEqual(before)
      break
    }
    listener.drop()
    talker.drop()
  })
})
