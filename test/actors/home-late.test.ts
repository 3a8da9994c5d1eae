// What is late in a former home, and what is published at the new one before that has come.
import { expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { Gate } from '../../actors/device/admission/gate.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { ALL_IMPORTED, type ImportedResponse, REMAINDER_START } from '../../src/relay/home.ts'
import { fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  connectFrame,
  deliveryOf,
  LAMP,
  LAMP_ROOT,
  NO_STATE,
  record,
  sessionState,
  subscribeFrame,
  textsTo,
  US,
} from './samples.ts'

const SESSION = sessionState(['devices/lamp/#'], { disconnectedAt: Date.UTC(2026, 0, 1) })

test('the remainder of a former home that is out of reach for a moment comes before newer messages', async () => {
  const late = packBatch([deliveryOf('devices/lamp/x', 'late')])
  const answers: ImportedResponse[] = [{ ...ALL_IMPORTED, done: false, session: SESSION.id, late, upTo: 1 }]
  let tries = 0
  const platform = new FakePlatform(addressOf('device', US, LAMP), {
    peers: fakePeers({
      device: () => ({ deliver: (session, batch) => gate.device.deliver(session, unpackBatch(batch)) }),
    }),
    core: fakeCore(US, {
      claim: async () => ({
        home: { region: US, epoch: 2 },
        state: { ...NO_STATE, session: SESSION },
        synced: false,
      }),
      imported: async () => {
        if (tries++ === 0) throw new CoreUnreachable('the former home does not answer')
        return answers.shift() ?? ALL_IMPORTED
      },
    }),
  })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  const connected = gate.frame(connection, connectFrame(3600, { clean: false }))
  await platform.clock.pass(100)
  await connected
  const newer = gate.device.leaf.publish(APP, [record('devices/lamp/x', 'newer', { qos: 1 })])
  await platform.clock.pass(500)
  const retried = gate.device.alarm()
  await platform.clock.pass(5_000)
  await Promise.all([newer, retried])

  expect(tries).toBeGreaterThan(1)
  expect([...new Set(textsTo(connection))]).toEqual(['late', 'newer'])
})

test('a release that waits for its fence ends no subscription of the home that has come back meanwhile', async () => {
  const fence = held<void>()
  const ended: string[] = []
  const claims = [
    { home: { region: US, epoch: 1 }, state: null, synced: false },
    { home: { region: US, epoch: 3 }, state: null, synced: false },
  ]
  const platform = new FakePlatform(addressOf('device', US, LAMP), {
    peers: fakePeers({
      leaf: () => ({
        fence: () => fence.answer,
        unsubscribe: async (_client, _session, filters) => {
          ended.push(...(filters ?? []))
        },
      }),
    }),
    core: fakeCore(US, { claim: async () => claims.shift() ?? Promise.reject(new Error('no more')) }),
  })
  const gate = new Gate(platform, LAMP)
  const connect = async () => {
    const connection = platform.accept()
    gate.opened(connection, true)
    await gate.frame(connection, connectFrame(3600, { clean: false }))
    await platform.clock.pass(100)
    return connection
  }
  await gate.frame(await connect(), subscribeFrame(1, 'rooms/1/#'))
  await platform.clock.pass(100)
  const away = { fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2, to: 'eu' as typeof US }
  gate.device.parts.handover.handover(away)
  const released = gate.device.parts.handover.release({
    ...away,
    synced: false,
    registered: true,
    ...REMAINDER_START,
  })
  await connect()
  fence.give()
  await released
  expect(ended).toEqual([])
  expect([...gate.device.parts.store.subscriptions().keys()]).toEqual(['rooms/1/#'])
})
