// A session whose client is away: what others take of it is counted once; what is to end with its connection ends.
import { expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import { encodeDelivery } from '../../src/session/delivery.ts'
import { delivery } from '../session/actor.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, connectFrame, EU, frame, LAMP, packetsTo } from './samples.ts'

async function open(gate: Gate, platform: FakePlatform, frame: Uint8Array) {
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, frame)
  await platform.clock.settled()
  return connection
}

test('what others take after the client has acknowledged it on a connection in between is counted once', async () => {
  const asked: (() => void)[] = []
  const platform = new FakePlatform(addressOf('device', EU, LAMP), {
    peers: fakePeers({
      leaf: () => ({ share: () => new Promise((done) => asked.push(() => done(new Uint8Array(1)))) }),
    }),
  })
  const gate = new Gate(platform, LAMP)
  const first = await open(gate, platform, connectFrame(3600))
  const session = platform.storage.exec('SELECT id FROM session')[0]?.id
  const one = { ...delivery('rooms/1/a'), share: { filter: '$share/g/rooms/1/#', waits: true } }
  void gate.device.deliver(String(session), [encodeDelivery(one)])
  await platform.clock.pass(1000)
  expect(gate.device.parts.store.queueSize().stored.storedMessages).toBe(1)
  first.gone = true
  gate.closed(first)
  await platform.clock.pass(1)
  expect(asked).toHaveLength(1)
  const second = await open(gate, platform, connectFrame(3600))
  await gate.frame(second, frame({ cmd: 'puback', messageId: 1 }))
  await platform.clock.settled()
  expect(gate.device.parts.store.queueSize().stored.storedMessages).toBe(0)
  second.gone = true
  gate.closed(second)
  await platform.clock.settled()
  asked[0]?.()
  await platform.clock.settled()
  // Were it counted off twice, the queue would seem empty with one message in it.
  void gate.device.deliver(String(session), [encodeDelivery(delivery('rooms/1/b'))])
  await platform.clock.settled()
  const third = await open(gate, platform, connectFrame(3600))
  expect(packetsTo(third)).toMatchObject([{ cmd: 'connack' }, { cmd: 'publish', topic: 'rooms/1/b' }])
})

test('a session resumed with expiry 0 ends with its connection when the process dies', async () => {
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { peers: fakePeers({}) })
  const gate = new Gate(platform, LAMP)
  const first = await open(gate, platform, connectFrame(3600))
  first.gone = true
  gate.closed(first)
  await platform.clock.settled()
  const second = await open(gate, platform, connectFrame(0))
  await platform.clock.pass(1000)
  second.gone = true
  const after = platform.loseMemory()
  const awake = new Gate(after, LAMP)
  await after.clock.pass(1000)
  await awake.device.alarm()
  expect(awake.device.parts.store.session()).toBeNull()
})
