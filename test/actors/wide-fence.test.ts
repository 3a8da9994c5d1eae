// A client with wide filters leaves a region: what other regions have sent there and nowhere else is waited for.
import { describe, expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { Gate } from '../../actors/device/admission/gate.ts'
import { Device } from '../../actors/device/device.ts'
import { FENCE_WAIT_MS_MAX } from '../../actors/limits.ts'
import { Uplink } from '../../actors/uplink/uplink.ts'
import { Wide } from '../../actors/wide/wide.ts'
import type { WideSubscribeReply } from '../../actors/wide/wide-peer.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { EnvelopeResult } from '../../src/relay/envelope.ts'
import { ALL_IMPORTED, type ImportedResponse, REMAINDER_START } from '../../src/relay/home.ts'
import { decodeDelivery } from '../../src/session/delivery.ts'
import { FakeClock } from './fake-clock.ts'
import { fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  addressOf,
  connectFrame,
  deliveryOf,
  EU,
  LAMP,
  LAMP_ROOT,
  ROOM,
  routed,
  sessionState,
  stored,
  subscribeFrame,
  subscriptionTo,
  textOf,
  US,
  watch,
} from './samples.ts'
import { WideWorld } from './wide-world.ts'

function message(text: string): Uint8Array {
  return packBatch([routed('rooms/1/a', text)])
}

describe('what a WideActor has sent to a region', () => {
  test('is drained when its uplink has answered for all that was sent until then', async () => {
    const answers = [held<Uint8Array>(), held<Uint8Array>()]
    let calls = 0
    const world = await new WideWorld({
      uplink: () => ({ send: () => answers[calls++]?.answer ?? Promise.reject(new Error('too many')) }),
    }).acquainted()
    watch<WideSubscribeReply>(world.eu.wide.subscribe(LAMP, 'session', [subscriptionTo('#')]))
    await world.clock.pass(2_000)
    watch(world.us.wide.publish(ROOM, message('1')))
    await world.clock.settled()
    const drained = watch(world.us.wide.drained(EU))
    const elsewhere = watch(world.us.wide.drained(US))
    await world.clock.pass(100)
    watch(world.us.wide.publish(ROOM, message('2')))
    await world.clock.pass(100)
    expect([drained.state(), elsewhere.state()]).toEqual(['open', 'resolved'])
    answers[0]?.give(Uint8Array.of(0))
    await world.clock.pass(100)
    expect(calls).toBe(2)
    expect(drained.state()).toBe('resolved')
  })

  test('is not drained where the uplink takes long', async () => {
    const world = await new WideWorld({
      uplink: () => ({ send: () => held<Uint8Array>().answer }),
    }).acquainted()
    watch<WideSubscribeReply>(world.eu.wide.subscribe(LAMP, 'session', [subscriptionTo('#')]))
    await world.clock.pass(2_000)
    watch(world.us.wide.publish(ROOM, message('1')))
    await world.clock.settled()
    const drained = watch(world.us.wide.drained(EU))
    await world.clock.pass(FENCE_WAIT_MS_MAX + 100)
    expect(drained.state()).toBe('rejected')
  })
})

/** The client's actor in eu, which has given the client to us and was not yet asked to let go. */
async function left(wideDrained: () => Promise<void>) {
  const steps: string[] = []
  const platform = new FakePlatform(addressOf('device', EU, LAMP), {
    peers: fakePeers({
      wide: (shard) => ({
        fence: async () => {
          steps.push(`fence ${shard}`)
        },
        unsubscribe: async () => {
          steps.push(`unsubscribe ${shard}`)
        },
      }),
    }),
    core: fakeCore(EU, {
      wideDrained: async (request) => {
        expect(request).toEqual({ fleet: DEFAULT_FLEET, region: EU })
        steps.push('ask')
        await wideDrained()
        steps.push('drained')
      },
    }),
  })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(3600))
  watch(gate.frame(connection, subscribeFrame(1, '#')) ?? Promise.resolve())
  await platform.clock.settled()
  const { device } = gate
  const session = device.parts.store.session()?.id ?? ''
  const moved = { fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2 }
  device.parts.handover.handover({ ...moved, to: US })
  return {
    clock: platform.clock,
    device,
    steps,
    /** Texts that were late. */
    release: () =>
      watch(
        device.parts.handover
          .release({
            ...moved,
            to: US,
            synced: false,
            registered: true,
            ...REMAINDER_START,
          })
          .then(({ late }) =>
            unpackBatch(late).map((bytes) => textOf(decodeDelivery(bytes).message.payload)),
          ),
      ),
    deliver: (text: string) => device.deliver(session, [deliveryOf('rooms/1/a', text)]),
  }
}

describe('the old home of a client with a wide filter', () => {
  test('asks the other regions before its own shards, and gives what came meanwhile as remainder', async () => {
    const answer = held<void>()
    const { clock, deliver, release, steps } = await left(() => answer.answer)
    const released = release()
    await clock.settled()
    expect(steps).toEqual(['ask'])
    watch(deliver('from elsewhere'))
    await clock.settled()
    answer.give()
    await clock.settled()
    expect(released.value()).toEqual(['from elsewhere'])
    expect(steps).toEqual(['ask', 'drained', 'fence 0', 'fence 1', 'unsubscribe 0', 'unsubscribe 1'])
  })

  test('keeps session and subscriptions where a region is not reached, and asks again when it is asked again', async () => {
    let reached = false
    const { clock, deliver, device, release, steps } = await left(async () => {
      if (!reached) throw new CoreUnreachable('us is down')
    })
    const refused = release()
    await clock.settled()
    expect(refused.state()).toBe('rejected')
    expect(steps).toEqual(['ask'])
    expect(device.parts.store.session()).not.toBeNull()
    watch(deliver('still on its way'))
    await clock.settled()
    reached = true
    const released = release()
    await clock.settled()
    expect(released.value()).toEqual(['still on its way'])
  })
})

test('a message that another region had sent only to the old one is there when that region says that it is drained', async () => {
  const world = await new WideWorld().acquainted()
  const { clock } = world
  let up = false
  const uplinkPlatform = new FakePlatform(addressOf('uplink', US, '0'), {
    clock,
    core: fakeCore(US, {
      envelopes: async ({ envelopes }) => {
        if (!up) throw new CoreUnreachable('the link is down')
        const results: EnvelopeResult[] = []
        for (const envelope of envelopes) results.push(await world.eu.wide.receive(envelope))
        return { results }
      },
    }),
  })
  const uplink = new Uplink(uplinkPlatform)
  world.us.platform.peers.uplink = () => ({
    ...fakePeers().uplink(ROOM),
    send: (...parameters) => uplink.send(...parameters),
  })
  watch(world.eu.wide.subscribe(LAMP, 'session', [subscriptionTo('#')]))
  await clock.pass(2_000)
  const published = watch(world.us.wide.publish(ROOM, message('acknowledged')))
  await clock.pass(2_000)
  expect(published.value()?.outcomes).toEqual(stored(1))

  // The client comes to us: its filter is known there now, and what was accepted before went only to eu.
  watch(world.us.wide.subscribe(LAMP, 'session', [subscriptionTo('#')]))
  await clock.pass(2_000)
  const drained = () => watch(world.us.wide.drained(EU).then(() => uplink.drainedWide(EU)))
  const refused = drained()
  await clock.pass(2 * FENCE_WAIT_MS_MAX)
  expect(refused.state()).toBe('rejected')
  up = true
  await clock.pass(5_000)
  const done = drained()
  await clock.settled()
  expect(done.state()).toBe('resolved')
  expect(world.eu.got).toEqual(['lamp acknowledged'])
})

test('a delivery to a client whose move is being completed holds no fence up, and follows the remainder', async () => {
  const clock = new FakeClock()
  const answers = [held<ImportedResponse>(), held<ImportedResponse>()]
  let asked = 0
  const state = {
    session: sessionState(['#'], { id: 'session', disconnectedAt: clock.now }),
    clock: 0,
    retained: [],
    interests: [],
    shadows: [],
    presence: [],
  }
  const device = new Device(
    new FakePlatform(addressOf('device', EU, LAMP), {
      clock,
      core: fakeCore(EU, {
        claim: async () => ({ home: { region: EU, epoch: 2 }, state, synced: false }),
        imported: () => answers[asked++]?.answer ?? Promise.reject(new Error('asked too often')),
      }),
    }),
    LAMP,
    [],
  )
  const platform = new FakePlatform(addressOf('wide', EU, '0'), {
    clock,
    peers: fakePeers({
      device: () => ({ deliver: (session, batch) => device.deliver(session, unpackBatch(batch)) }),
    }),
  })
  const wide = new Wide(platform, 0)
  watch(wide.subscribe(LAMP, 'session', [subscriptionTo('#')]))
  await clock.pass(2_000)
  watch(device.leaf.home.take())
  await clock.settled()
  const published = watch(wide.publish(ROOM, message('newer')))
  await clock.pass(FENCE_WAIT_MS_MAX - 100)
  expect(published.value()?.outcomes).toEqual(stored(1))

  const late = packBatch([deliveryOf('rooms/1/a', 'late')])
  answers[0]?.give({ ...ALL_IMPORTED, done: false, session: 'session', late: late, upTo: 1 })
  answers[1]?.give(ALL_IMPORTED)
  await clock.pass(1_000)
  watch(wide.alarm())
  await clock.pass(1_000)
  const queued = device.parts.store.queued(0, Number.MAX_SAFE_INTEGER, 10)
  expect(queued.map(({ delivery }) => textOf(delivery.message.payload))).toEqual(['late', 'newer'])
})
