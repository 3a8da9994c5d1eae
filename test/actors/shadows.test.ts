// A device's shadows at its home: in its order, over lost memory, while it is away, and when the home moves.

import { describe, expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { ALL_IMPORTED, type HandoverState, type ImportedRequest } from '../../src/relay/home.ts'
import { decodeShadow, encodeShadow } from '../../src/shadow/document.ts'
import { SHADOW_REQUEST_BYTES_MAX, SHADOWS_MAX } from '../../src/shadow/limits.ts'
import { step } from '../../src/shadow/step.ts'
import {
  APP,
  deliveredTexts,
  EU,
  LAMP_ROOT,
  packetsTo,
  RELEASE,
  record,
  routed,
  subscribeFrame,
  subscriptionTo,
  US,
  watch,
} from './samples.ts'
import { SyncWorld } from './sync-world.ts'

const SHADOW = 'devices/lamp/shadow'
const DELTA = `${SHADOW}/update/delta`
const HOUR_MS = 3_600_000

/** A published request, its outcome; what is to be said on the way is said by then. */
async function ask(world: SyncWorld, verb: string, body: object, of = SHADOW): Promise<number> {
  const asked = watch(world.device.leaf.publish(APP, [record(`${of}/${verb}`, JSON.stringify(body))]))
  await world.clock.pass(300)
  return asked.value()?.[0] ?? -1
}

const desired = (state: object) => ({ state: { desired: state } })

interface Told {
  readonly topic: string
  readonly body: { readonly version: number; readonly state: unknown; readonly code?: number }
}

/** What the connected device was sent. */
function told(world: SyncWorld, filter = SHADOW): Told[] {
  return packetsTo(world.connection).flatMap((packet) =>
    packet.cmd === 'publish' && packet.topic.startsWith(filter)
      ? [{ topic: packet.topic, body: JSON.parse(packet.payload.toString()) as Told['body'] }]
      : [],
  )
}

async function listening(...filters: string[]): Promise<SyncWorld> {
  const world = new SyncWorld()
  await world.connect(7 * 24 * 3600)
  if (filters.length > 0) await world.gate.frame(world.connection, subscribeFrame(1, ...filters))
  await world.clock.pass(1_000)
  return world
}

function stateOf(world: SyncWorld, path = 'shadow') {
  return world.device.parts.shadows.store.one(path)
}

test('requests are applied one after another, each acknowledged once it is stored, whatever becomes of memory', async () => {
  const world = new SyncWorld()
  for (let i = 1; i <= 20; i++) {
    expect(await ask(world, 'update', { state: { reported: { [`k${i}`]: i } }, version: i - 1 })).toBe(
      Outcome.Stored,
    )
    if (i % 5 === 0) world.crash()
  }
  expect(stateOf(world)).toMatchObject({ version: 20 })
  expect(Object.keys(stateOf(world)?.document?.state.reported ?? {})).toHaveLength(20)
})

test('the answers follow the request, in order', async () => {
  const world = await listening(`${SHADOW}/#`)
  await ask(world, 'update', desired({ a: 1 }))
  expect(told(world).map(({ topic }) => topic.slice(SHADOW.length + 1))).toEqual([
    'update',
    'update/accepted',
    'update/delta',
    'update/documents',
  ])
})

test('a request that is retained is answered, and not kept', async () => {
  const world = new SyncWorld()
  await world.device.leaf.publish(APP, [
    record(`${SHADOW}/update`, JSON.stringify(desired({ a: 1 })), { retain: true }),
  ])
  expect(stateOf(world)?.version).toBe(1)
  expect(world.device.leaf.retained.one(`${SHADOW}/update`)).toBeNull()
})

test('a device has room for so many shadows, and a deleted one makes room for another after two days', async () => {
  const world = new SyncWorld()
  for (let i = 0; i < SHADOWS_MAX; i++) await ask(world, 'update', desired({}), `${SHADOW}/name/n${i}`)
  await ask(world, 'update', desired({}), `${SHADOW}/name/over`)
  expect(stateOf(world, 'shadow/name/over')).toBeNull()
  await ask(world, 'delete', {}, `${SHADOW}/name/n0`)
  await world.clock.pass(47 * HOUR_MS)
  await ask(world, 'update', desired({}), `${SHADOW}/name/over`)
  expect(stateOf(world, 'shadow/name/over')).toBeNull()
  await world.clock.pass(2 * HOUR_MS)
  await ask(world, 'update', desired({}), `${SHADOW}/name/over`)
  expect(stateOf(world, 'shadow/name/over')?.version).toBe(1)
  expect(stateOf(world, 'shadow/name/n0')).toBeNull()
})

test('a request of another region that its uplink sends again is not applied again, though memory was lost meanwhile', async () => {
  const world = new SyncWorld()
  await world.connect(3600)
  const envelope = {
    fleet: DEFAULT_FLEET,
    root: LAMP_ROOT,
    to: { kind: 'home' as const },
    source: 'uplink of us',
    first: 0,
    clock: world.clock.now,
    records: packBatch([routed(`${SHADOW}/update`, JSON.stringify(desired({ a: 1 })))]),
  }
  for (let i = 0; i < 2; i++) {
    const received = watch(world.device.leaf.receive(envelope, 1))
    await world.clock.pass(1_000)
    expect(received.value()).toEqual({ status: 'done', outcomes: [Outcome.Stored] })
    world.crash()
  }
  expect(stateOf(world)?.version).toBe(1)
})

test('a request that comes again, since its answer was lost, is answered again and not applied again', async () => {
  const world = new SyncWorld()
  await world.connect(3600)
  const body = JSON.stringify({ ...desired({ a: 1 }), version: 0 })
  const ask = (id: string) =>
    watch(world.device.parts.shadows.request({ id, path: 'shadow', verb: 'update', body }, null))
  const asked = ['one', 'one', 'two'].map(ask)
  await world.clock.pass(1_000)
  asked.push(ask('one'))
  await world.clock.pass(1_000)
  const errors = asked.map(({ value }) => {
    const answer = value()
    return answer?.status === 'done' ? (answer.error?.code ?? null) : answer
  })
  expect(errors).toEqual([null, null, 409, null])
  expect(stateOf(world)?.version).toBe(1)
})

describe('a device that is away', () => {
  test.each([[DELTA], ['$aws/things/lamp/shadow/update/delta'], ['+/lamp/#']])(
    'for an hour, during which 200 changes are desired, gets one delta on return: %s',
    async (filter) => {
      const world = await listening(filter)
      await world.leave()
      for (let i = 0; i < 200; i++) {
        await ask(world, 'update', desired({ [`k${i % 50}`]: i }))
        await world.clock.pass(HOUR_MS / 200)
      }
      expect(world.device.parts.store.queueSize().stored.storedMessages).toBe(0)
      await world.connect(3600)
      await world.clock.pass(1_000)
      const deltas = told(world, '').filter(({ topic }) => topic.endsWith('update/delta'))
      expect(deltas).toHaveLength(1)
      expect(deltas[0]?.topic.startsWith('$aws/')).toBe(filter.startsWith('$aws/'))
      const wanted = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, 150 + i]))
      expect(deltas[0]?.body).toMatchObject({ version: 200, state: wanted })
    },
  )

  test('and has reported it already gets none; nor does one that does not listen', async () => {
    const world = await listening(DELTA)
    await world.leave()
    await ask(world, 'update', { state: { desired: { a: 1 }, reported: { a: 1 } } })
    await world.connect(3600)
    await world.clock.pass(1_000)
    expect(told(world)).toEqual([])
    const deaf = await listening(`${SHADOW}/update/accepted`)
    await deaf.leave()
    await ask(deaf, 'update', desired({ a: 1 }))
    await deaf.connect(3600)
    await deaf.clock.pass(1_000)
    expect(told(deaf).map(({ topic }) => topic)).toEqual([`${SHADOW}/update/accepted`])
  })

  test('whose session has ended gets the delta when it subscribes, and not again when it repeats that', async () => {
    const world = new SyncWorld()
    await ask(world, 'update', desired({ a: 1 }), `${SHADOW}/name/n`)
    await world.connect(0)
    for (const id of [1, 2])
      await world.gate.frame(world.connection, subscribeFrame(id, `${SHADOW}/name/+/update/delta`))
    await world.clock.pass(1_000)
    expect(told(world)).toMatchObject([{ topic: `${SHADOW}/name/n/update/delta`, body: { state: { a: 1 } } }])
  })

  test('is withheld what only it can see so: another client that is away gets each delta', async () => {
    const world = await listening()
    const given: string[][] = []
    world.peer = () => ({
      deliver: async (_, batch) => {
        given.push(deliveredTexts(batch))
        return new Uint8Array(unpackBatch(batch).length)
      },
    })
    watch(world.device.leaf.subscribe(APP, 'its session', [subscriptionTo(DELTA)]))
    await world.clock.pass(100)
    for (let i = 0; i < 3; i++) await ask(world, 'update', desired({ a: i }))
    expect(given.flat().map((text) => (JSON.parse(text) as Told['body']).version)).toEqual([1, 2, 3])
  })
})

describe('a hand-over', () => {
  test('moves all shadows, deleted ones with their version', async () => {
    const old = new SyncWorld()
    await ask(old, 'update', desired({ a: 1 }))
    await ask(old, 'update', desired({ b: 1 }), `${SHADOW}/name/n`)
    await ask(old, 'delete', {}, `${SHADOW}/name/n`)
    const moved = { fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2, to: US }
    const state = old.device.parts.handover.handover(moved)?.state ?? null
    const next = new SyncWorld({
      claim: async () => ({ home: { region: EU, epoch: 2 }, state, synced: false }),
      imported: async () => ALL_IMPORTED,
    })
    await next.connect(3600)
    await ask(next, 'update', desired({ a: 2 }))
    expect(stateOf(next)).toMatchObject({ version: 2, document: { state: { desired: { a: 2 } } } })
    await ask(next, 'update', desired({ b: 2 }), `${SHADOW}/name/n`)
    expect(stateOf(next, 'shadow/name/n')?.version).toBe(2)
  })
})

describe('sync', () => {
  test('gives the store each changed shadow as it is now, about a second later', async () => {
    const world = new SyncWorld()
    await world.connect(3600)
    await world.clock.pass(3_000)
    world.changes.length = 0
    for (let i = 0; i < 5; i++) await ask(world, 'update', desired({ a: i }))
    await world.clock.pass(3_000)
    const rows = world.changes.flatMap(({ shadows }) => shadows)
    expect(rows.length).toBeLessThan(5)
    expect(rows.at(-1)?.path).toBe('shadow')
    expect(decodeShadow(rows.at(-1)?.shadow ?? '')).toEqual(stateOf(world))
    expect(world.device.leaf.marks.any).toBe(false)
  })

  test('a publisher with durability global waits until the store has it', async () => {
    const world = new SyncWorld()
    await world.connect(3600)
    world.answer = async () => 'failed'
    const request = record(`${SHADOW}/update`, JSON.stringify(desired({ a: 1 })), { global: true })
    const asked = watch(world.device.leaf.publish(APP, [request]))
    await world.clock.pass(2_000)
    expect(asked.state()).toBe('open')
    world.answer = async () => 'applied'
    await world.clock.pass(3_000)
    expect(asked.value()).toEqual(Uint8Array.of(Outcome.Stored))
  })
})

/** What the store has of a lamp whose shadow was updated so. */
function inStore(...states: object[]): HandoverState {
  let shadow: Parameters<typeof step>[0] = null
  for (const state of states) {
    const request = new TextEncoder().encode(JSON.stringify({ state }))
    shadow = step(shadow, 'update', request, 0, 'lamp').applied?.shadow ?? shadow
  }
  const shadows = shadow === null ? [] : [{ path: 'shadow', shadow: encodeShadow(shadow) }]
  return { session: null, clock: 0, retained: [], interests: [], presence: [], shadows }
}

describe('a home that is lost', () => {
  /** Its last changes are not in the store. */
  async function cutOff(...requests: readonly (readonly [string, object])[]): Promise<SyncWorld> {
    const world = new SyncWorld()
    await world.connect(0)
    await ask(world, 'update', desired({ synced: 1 }))
    await world.clock.pass(3_000)
    world.answer = async () => 'failed'
    for (const [verb, body] of requests) await ask(world, verb, body)
    return world
  }

  test('gives what the store does not have as requests, until the next home confirms them', async () => {
    const world = await cutOff(
      ['update', desired({ a: 1, b: { x: 1 } })],
      ['update', { state: { desired: { b: { y: 2 }, synced: null }, reported: null } }],
    )
    world.crash()
    const given = await world.device.parts.handover.release(RELEASE)
    expect(given).toMatchObject({ done: false, shadows: [{ path: 'shadow' }] })
    expect(given.shadows[0]?.requests.map(({ verb, body }) => [verb, JSON.parse(body)])).toEqual([
      ['update', { state: { desired: { a: 1, b: { x: 1, y: 2 }, synced: null }, reported: null } }],
    ])
    expect(await world.device.parts.handover.release({ ...RELEASE, tookShadow: 'shadow' })).toMatchObject({
      done: true,
    })
    expect(stateOf(world)).toBeNull()
  })

  test('gives a deletion as one, and the version that all its updates asked for', async () => {
    const deleted = await cutOff(['update', desired({ a: 1 })], ['delete', {}], ['update', desired({ c: 1 })])
    const [late] = (await deleted.device.parts.handover.release(RELEASE)).shadows
    expect(late?.requests.map(({ verb }) => verb)).toEqual(['delete', 'update'])
    const versioned = await cutOff(
      ['update', { ...desired({ a: 1 }), version: 1 }],
      ['update', { ...desired({ b: 1 }), version: 2 }],
    )
    const [only] = (await versioned.device.parts.handover.release(RELEASE)).shadows
    expect(JSON.parse(only?.requests[0]?.body ?? '')).toEqual({ ...desired({ a: 1, b: 1 }), version: 1 })
  })

  test('remembers no more than a request can say: then the whole state, without what was removed', async () => {
    const world = await cutOff()
    const part = (i: number) => ({ [`k${i}`]: 'x'.repeat(50_000), [`k${i - 1}`]: null })
    for (let i = 0; i < 12; i++) await ask(world, 'update', desired(part(i)))
    const long = (i: number) =>
      Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`r${i} ${n}`, null]))
    for (let i = 0; i < 3; i++) await ask(world, 'update', desired(long(i)))
    const [late] = (await world.device.parts.handover.release(RELEASE)).shadows
    const body = late?.requests[0]?.body ?? ''
    expect(body.length).toBeLessThan(SHADOW_REQUEST_BYTES_MAX)
    expect(JSON.parse(body)).toMatchObject({ state: { desired: { k11: 'x'.repeat(50_000), synced: 1 } } })
  })

  test('gives what it was handed over with, too: its predecessor has released that', async () => {
    const first = await cutOff(['update', desired({ a: 1 })], ['update', desired({ b: 2 })])
    const moved = { fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2, to: US }
    const state = first.device.parts.handover.handover(moved)?.state ?? null
    const second = new SyncWorld({
      claim: async () => ({ home: { region: EU, epoch: 2 }, state, synced: false }),
      imported: async () => ALL_IMPORTED,
    })
    second.answer = async () => 'failed'
    watch(second.connect(3600))
    await second.clock.pass(2_000)
    await ask(second, 'update', desired({ c: 3 }))
    const [late] = (await second.device.parts.handover.release({ ...RELEASE, epoch: 3 })).shadows
    expect(late?.requests.map(({ body }) => JSON.parse(body))).toEqual([desired({ a: 1, b: 2, c: 3 })])
  })

  function failedOver(state: HandoverState, ...bodies: readonly object[]) {
    const asked: ImportedRequest[] = []
    const lost = { back: false }
    const requests = bodies.map((body) => ({ verb: 'update' as const, body: JSON.stringify(body) }))
    const late = [{ ...ALL_IMPORTED, done: false, shadows: [{ path: 'shadow', requests }], from: US }]
    const world = new SyncWorld({
      claim: async () => ({ home: { region: EU, epoch: 5 }, state, synced: true }),
      imported: async (request) => {
        asked.push(request)
        if (!lost.back) throw new CoreUnreachable('us is silent')
        return late.shift() ?? ALL_IMPORTED
      },
    })
    const comeBack = async () => {
      lost.back = true
      await world.clock.pass(60_000)
      watch(world.alarm())
      await world.clock.pass(1_000)
    }
    return { world, asked, comeBack }
  }

  test('is replaced by one that begins with the store’s state, and applies the remaining changes as updates of now', async () => {
    const { world, asked, comeBack } = failedOver(
      inStore({ desired: { a: 0 } }, { reported: { b: 0 } }),
      desired({ late: 1 }),
    )
    watch(world.connect(3600))
    await world.clock.pass(2_000)
    await world.gate.frame(world.connection, subscribeFrame(1, `${SHADOW}/#`))
    await ask(world, 'update', desired({ a: 5 }))
    expect(stateOf(world)?.version).toBe(3)
    await comeBack()
    expect(stateOf(world)).toMatchObject({ version: 4, document: { state: { desired: { a: 5, late: 1 } } } })
    expect(told(world).at(-1)).toMatchObject({ topic: `${SHADOW}/update/documents` })
    expect(asked.at(-1)).toMatchObject({ tookShadow: 'shadow' })
  })

  test('and reports a remaining change that was for a version which the new home has gone beyond', async () => {
    const { world, comeBack } = failedOver(inStore({ desired: { a: 0 } }), {
      ...desired({ a: 9 }),
      version: 1,
    })
    watch(world.connect(3600))
    await world.clock.pass(2_000)
    await world.gate.frame(world.connection, subscribeFrame(1, `${SHADOW}/update/rejected`))
    await ask(world, 'update', desired({ a: 5 }))
    await comeBack()
    expect(stateOf(world)).toMatchObject({ version: 2, document: { state: { desired: { a: 5 } } } })
    expect(told(world)).toMatchObject([{ topic: `${SHADOW}/update/rejected`, body: { code: 409 } }])
    expect(world.platform.reports.map(({ what }) => what)).toContain(
      'a change of devices/lamp/shadow that came from a former home was refused',
    )
  })
})
