// Presence in a whole system: watchers see each connection and its end, numbered, through kills and moves; any region knows the last.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { type PresenceEvent, presenceEventSchema } from '../../src/relay/presence.ts'
import { type Problem, problemSchema } from '../../src/relay/problem.ts'
import { above, disorder, told } from '../actors/presence-order.ts'
import { Client, type ConnectOptions } from './client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const CLI = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'starling.ts')

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

/** An old region is asked again at most this late after it is back. */
const RETURN_MS = 90_000
const KEPT = { clean: false, reconnectPeriod: 200, properties: { sessionExpiryInterval: 3600 } }

function eventsOf(watcher: Client, client: string): PresenceEvent[] {
  return watcher.got
    .filter(({ topic }) => topic === `presence/${client}`)
    .map(({ text }) => presenceEventSchema.parse(JSON.parse(text)))
}

/** Where no region was lost, the numbers go on through all epochs. */
function expectOrdered(events: readonly PresenceEvent[], from = 1): void {
  expect(disorder(events)).toEqual([])
  expect(above(events).map(({ sequence }) => sequence)).toEqual(above(events).map((_, i) => i + from))
}

const last = (watcher: Client, client: string) => above(eventsOf(watcher, client)).at(-1)

async function hasSeen(
  watcher: Client,
  client: string,
  sequence: number,
  epoch = 0,
  ms = 20_000,
): Promise<void> {
  const seen = () => {
    const { epoch: at, sequence: n } = last(watcher, client) ?? { epoch: 0, sequence: 0 }
    return at >= epoch && n >= sequence
  }
  await until(seen, ms).catch(() => {
    const got = eventsOf(watcher, client).map(told).join(', ')
    throw new Error(`event ${sequence} of ${client} did not come: ${got}\n${system.log.slice(-2000)}`)
  })
}

async function read(
  region: string,
  path: string,
  token: string | null,
  more: Record<string, string> = {},
): Promise<Response> {
  const { regions } = await system.local()
  return fetch(`${regions[region]?.http}/v1/${path}`, {
    headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...more },
  })
}

/** What the core's store has of a client: its last event, and the regions that want its messages. */
function stored(client: string): { readonly event: string; readonly interests: string } {
  const database = new DatabaseSync(path.join(system.dir, 'core.sqlite'), { readOnly: true })
  try {
    const [event] = database
      .prepare('SELECT record FROM root_retained WHERE topic = ?')
      .all(`presence/${client}`)
    const [interests] = database
      .prepare("SELECT value FROM root_state WHERE root = ? AND kind = 'interests'")
      .all(`devices/${client}`)
    return {
      event: event === undefined ? '' : Buffer.from(event.record as Uint8Array).toString(),
      interests: String(interests?.value),
    }
  } finally {
    database.close()
  }
}

async function connect(region: string, id: string, options: ConnectOptions = {}): Promise<Client> {
  return Client.connect(system, region, id, options)
}

/** As a client does whose home is in doubt: it is refused with 0x88 (Server unavailable), and tries again. */
async function comeUp(region: string, id: string, options: ConnectOptions = {}): Promise<void> {
  await until(async () => {
    try {
      await connect(region, id, options)
      return true
    } catch (cause) {
      if ((cause as { code?: unknown }).code === Reason.ServerUnavailable) return false
      throw cause
    }
  }, RETURN_MS)
}

describe('presence', () => {
  it('is published without a gap or an inversion, to narrow and wide filters in both regions, through ends of all kinds, a kill and moves', {
    timeout: 120_000,
  }, async () => {
    const all = await connect('us', 'watch-all', KEPT)
    const one = await connect('us', 'watch-one', KEPT)
    const near = await connect('eu', 'watch-near', KEPT)
    expect(await all.subscribe('presence/+')).toEqual([1])
    expect(await one.subscribe('presence/lamp')).toEqual([1])
    expect(await near.subscribe('presence/lamp')).toEqual([1])
    const watchers = [all, one, near]
    const seen = (sequence: number) =>
      Promise.all(watchers.map((watcher) => hasSeen(watcher, 'lamp', sequence)))
    const reason = (sequence: number) =>
      eventsOf(one, 'lamp').find((event) => event.sequence === sequence)?.reason

    const first = await connect('eu', 'lamp')
    await seen(1)
    expect(last(one, 'lamp')).toMatchObject({
      client: 'lamp',
      region: 'eu',
      cleanStart: true,
      protocol: '5.0',
    })
    await first.end()
    await seen(2)
    expect(reason(2)).toBe(0)
    const dropped = await connect('eu', 'lamp', { protocolVersion: 4 })
    await seen(3)
    expect(last(one, 'lamp')).toMatchObject({ protocol: '3.1.1' })
    dropped.drop()
    await seen(4)
    expect(reason(4)).toBeUndefined()

    await connect('eu', 'lamp') // 5, and taken over: 6
    await connect('eu', 'lamp', { clean: false, properties: { sessionExpiryInterval: 600 } }) // 7
    await seen(7)
    expect(reason(6)).toBe(0x8e)
    await system.killAndWait('eu') // 8, once the actor is woken
    await until(() => near.connects > 1, 30_000)
    await connect('eu', 'lamp') // 9
    await seen(9)
    expect(reason(8)).toBeUndefined()

    await connect('us', 'lamp') // taken over: 10, and 11
    await seen(11)
    expect(reason(10)).toBe(0x8e)
    expect(last(near, 'lamp')).toMatchObject({ region: 'us', state: 'connected' })
    const back = await connect('eu', 'lamp') // 12, 13
    await back.end() // 14
    await seen(14)
    const away = await connect('us', 'lamp') // 15
    await away.end()
    await seen(16)
    for (const watcher of watchers) expectOrdered(eventsOf(watcher, 'lamp'))

    const late = await connect('eu', 'watch-late')
    await late.subscribe('presence/lamp')
    await late.has(1)
    expect(late.got[0]?.packet.retain).toBe(true)
    expect(last(late, 'lamp')).toEqual(last(one, 'lamp'))
    const wide = await connect('eu', 'watch-wide')
    await wide.subscribe('presence/#')
    await hasSeen(wide, 'lamp', 16)
    expect(eventsOf(wide, 'lamp')).toHaveLength(1)
    for (const client of [...watchers, late, wide]) client.mqtt.end(true)
  })

  it('tells of a client that is lost with its process and does not come back', {
    timeout: 60_000,
  }, async () => {
    const watcher = await connect('us', 'watch-lost', KEPT)
    await watcher.subscribe('presence/lost')
    await connect('eu', 'lost', { protocolVersion: 4, keepalive: 2 })
    await hasSeen(watcher, 'lost', 1)
    await system.killAndWait('eu')
    await hasSeen(watcher, 'lost', 2, 1, 30_000)
    expectOrdered(eventsOf(watcher, 'lost'))
    watcher.mqtt.end(true)
  })

  it('stays ordered while a client roams quickly between two regions', { timeout: 90_000 }, async () => {
    const watchers = await Promise.all([connect('us', 'roam-us', KEPT), connect('eu', 'roam-eu', KEPT)])
    await watchers[0]?.subscribe('presence/+')
    await watchers[1]?.subscribe('presence/roamer')
    const clients: Client[] = []
    for (let i = 0; i < 12; i++) clients.push(await connect(i % 2 === 0 ? 'eu' : 'us', 'roamer'))
    await clients.at(-1)?.end()
    for (const watcher of watchers) {
      await hasSeen(watcher, 'roamer', 24)
      expectOrdered(eventsOf(watcher, 'roamer'))
    }
    for (const client of [...watchers, ...clients]) client.mqtt.end(true)
  })

  it('is read over HTTP in both regions, by the client itself and by an administrator', async () => {
    const client = await connect('eu', 'read')
    const token = await system.token('read')
    const { adminToken } = await system.local()
    for (const region of ['eu', 'us']) {
      const response = await read(region, 'clients/read/presence', token)
      expect(response.status).toBe(200)
      const event = presenceEventSchema.parse(await response.json())
      expect(event).toMatchObject({ client: 'read', state: 'connected', sequence: 1, region: 'eu' })
      const etag = response.headers.get('etag') ?? ''
      expect(etag).toBe(`"${event.epoch}-1"`)
      const again = await read(region, 'fleets/default/clients/read/presence', adminToken, {
        'if-none-match': etag,
      })
      expect(again.status).toBe(304)
    }
    await client.end()
    await until(async () => {
      const { sequence } = presenceEventSchema.parse(
        await (await read('us', 'clients/read/presence', token)).json(),
      )
      return sequence === 2
    })
  })

  it('refuses a read with a problem that names what is wrong', async () => {
    const token = await system.token('me')
    const { adminToken } = await system.local()
    const elsewhere = await system.token('me', { fleet: 'other' })
    const problem = async (path: string, by: string | null): Promise<Problem> => {
      const response = await read('us', path, by)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      const found = problemSchema.parse(await response.json())
      expect(found.status).toBe(response.status)
      return found
    }
    expect(await problem('clients/me/presence', null)).toMatchObject({ status: 401, field: 'Authorization' })
    expect(await problem('clients/me/presence', 'x')).toMatchObject({ status: 401, field: 'Authorization' })
    expect(await problem('clients/you/presence', token)).toMatchObject({ status: 403, field: 'client' })
    expect(await problem('fleets/default/clients/me/presence', elsewhere)).toMatchObject({
      status: 403,
      field: 'fleet',
    })
    expect(await problem('fleets/No/clients/me/presence', token)).toMatchObject({
      status: 400,
      field: 'fleet',
    })
    expect(await problem('clients/a%2Fb/presence', adminToken)).toMatchObject({
      status: 400,
      field: 'client',
    })
    expect(await problem('clients/nobody/presence', adminToken)).toMatchObject({ status: 404 })
  })

  it('is printed by `starling presence`, which fails for a client that never connected', async () => {
    const client = await connect('eu', 'printed')
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, [CLI, 'presence', ...args, '--dir', system.dir])
    expect((await run('printed', '--region', 'us')).stdout).toMatch(
      /^printed connected in eu since .*event 1,/,
    )
    expect(presenceEventSchema.parse(JSON.parse((await run('printed', '--json')).stdout)).sequence).toBe(1)
    await expect(run('nobody-at-all')).rejects.toMatchObject({
      stderr: expect.stringContaining('never connected'),
    })
    await client.end()
  })

  it('goes on in order where a region takes over from one that does not answer, and when that is back', {
    timeout: 180_000,
  }, async () => {
    const watchers = await Promise.all([connect('us', 'over-us', KEPT), connect('eu', 'over-eu', KEPT)])
    await watchers[0]?.subscribe('presence/+')
    await watchers[1]?.subscribe('presence/mover')
    await watchers[1]?.subscribe('presence/brief')
    const seen = (client: string, sequence: number, epoch: number) =>
      Promise.all(watchers.map((watcher) => hasSeen(watcher, client, sequence, epoch, RETURN_MS)))
    const first = await connect('eu', 'mover', KEPT)
    await first.end()
    const lost = await connect('eu', 'mover', { ...KEPT, reconnectPeriod: 0 })
    await connect('eu', 'brief')
    await seen('mover', 3, 1)
    await until(() => stored('mover').event.includes('"sequence":3'))
    for (const client of ['mover', 'brief']) await until(() => stored(client).interests.includes('"eu"'))
    expect(stored('brief').event).toBe('')
    const thaw = await system.freeze('eu')
    try {
      await comeUp('us', 'mover', KEPT) // 4, 5
      await comeUp('us', 'brief')
      const [near] = watchers as [Client, Client]
      await hasSeen(near, 'mover', 5, 2, RETURN_MS)
      await hasSeen(near, 'brief', 1, 2, RETURN_MS)
    } finally {
      thaw()
    }
    await until(() => !lost.mqtt.connected, RETURN_MS)
    await seen('mover', 5, 2)
    await seen('brief', 1, 2)
    for (const region of ['eu', 'us']) {
      const response = await read(region, 'clients/mover/presence', await system.token('mover'))
      expect(response.headers.get('etag')).toBe('"2-5"')
    }
    await comeUp('eu', 'mover', KEPT) // 6, 7
    await seen('mover', 7, 3)
    for (const watcher of watchers) {
      expect(above(eventsOf(watcher, 'mover')).map(told)).toEqual([
        'connected 1@1',
        'disconnected 2@1',
        'connected 3@1',
        'disconnected 4@2',
        'connected 5@2',
        'disconnected 6@2',
        'connected 7@3',
      ])
      expect(disorder(eventsOf(watcher, 'brief'))).toEqual([])
      expect(last(watcher, 'brief')).toMatchObject({ state: 'connected', epoch: 2, region: 'us' })
      watcher.mqtt.end(true)
    }
  })

  it('names the region that cannot be reached', { timeout: 60_000 }, async () => {
    const client = await connect('eu', 'unreachable')
    const thaw = await system.freeze('eu')
    try {
      const response = await read('us', 'clients/unreachable/presence', await system.token('unreachable'))
      expect(response.status).toBe(503)
      expect(problemSchema.parse(await response.json()).title).toContain('eu')
    } finally {
      thaw()
    }
    client.mqtt.end(true)
  })

  it('lets no client publish there, nor leave a will', async () => {
    const client = await connect('eu', 'liar')
    for (const topic of ['presence/liar', 'presence/lamp/x', 'presence'])
      await expect(client.publish(topic, 'x')).rejects.toMatchObject({ code: 0x87 })
    await client.end()
    const will = { topic: 'presence/lamp', payload: Buffer.from('x'), qos: 1 as const, retain: false }
    await expect(connect('eu', 'liar', { will })).rejects.toMatchObject({ code: 0x87 })
  })
})
