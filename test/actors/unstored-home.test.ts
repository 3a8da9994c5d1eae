// The home of a client that has nothing stored: the directory has it, and the connection's attachment; storage has no row.
import { expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { fakeCore } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, connectFrame, deliveryOf, EU, frame, LAMP, LAMP_ROOT, packetsTo, US } from './samples.ts'

/** A lamp in eu, without presence, whose session ends with its connection; and how often the core was asked for its home. */
async function cleanLamp() {
  const asked = { claims: 0, resolves: 0 }
  const home = { region: EU, epoch: 1 }
  const core = fakeCore(EU, {
    claim: async () => {
      asked.claims++
      return { home, state: null, synced: false }
    },
    resolve: async () => {
      asked.resolves++
      return { home }
    },
  })
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { core, settings: { presence: false } })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(0))
  await platform.clock.pass(2000)
  expect(packetsTo(connection)).toMatchObject([{ cmd: 'connack', reasonCode: 0 }])
  return { asked, clock: platform.clock, connection, gate, platform }
}

test('is claimed without a statement, and known after hibernation without a call to the core', async () => {
  const { asked, platform } = await cleanLamp()
  expect(platform.execs).toBe(0)
  const later = platform.loseMemory()
  const gate = new Gate(later, LAMP)
  expect(gate.device.leaf.home.knowledge).toEqual({ at: 'here', epoch: 1 })
  const session = gate.device.parts.facts.receiver({ device: LAMP, topic: `${LAMP_ROOT}/a` } as never)
  expect(session).toBeDefined()
  expect(later.execs).toBe(0)
  expect(asked).toEqual({ claims: 1, resolves: 0 })
})

test('is stored before the first row of anything else, and then needs no attachment', async () => {
  const { asked, clock, connection, gate, platform } = await cleanLamp()
  gate.device.leaf.retained.put(`${LAMP_ROOT}/a`, deliveryOf(`${LAMP_ROOT}/a`, 'x'))
  expect(platform.storage.exec('SELECT region, epoch, state FROM home')).toEqual([
    { region: EU, epoch: 1, state: 'here' },
  ])
  connection.gone = true
  gate.closed(connection)
  await clock.pass(2000)
  const awake = new Gate(platform.loseMemory(), LAMP)
  expect(awake.device.leaf.home.settled).toEqual({ at: 'here', epoch: 1 })
  expect(asked.claims).toBe(1)
})

test('is stored by a later transaction when the first one fails', async () => {
  const { gate, platform } = await cleanLamp()
  const { storage } = platform
  const failing = () =>
    storage.transaction(() => {
      gate.device.leaf.retained.put(`${LAMP_ROOT}/a`, deliveryOf(`${LAMP_ROOT}/a`, 'x'))
      throw new Error('no room')
    })
  expect(failing).toThrow('no room')
  expect(storage.blank).toBe(true)
  gate.device.leaf.retained.put(`${LAMP_ROOT}/b`, deliveryOf(`${LAMP_ROOT}/b`, 'x'))
  expect(storage.exec('SELECT epoch FROM home')).toEqual([{ epoch: 1 }])
})

test('is claimed again by the client that comes back after the process died', async () => {
  const { asked, connection, platform } = await cleanLamp()
  connection.gone = true
  const later = platform.loseMemory()
  const gate = new Gate(later, LAMP)
  expect(gate.device.leaf.home.knowledge).toEqual({ at: 'unknown' })
  const again = later.accept()
  gate.opened(again, true)
  await gate.frame(again, connectFrame(0))
  await later.clock.pass(2000)
  expect(packetsTo(again)).toMatchObject([{ cmd: 'connack', reasonCode: 0 }])
  expect(asked.claims).toBe(2)
  expect(later.execs).toBe(0)
})

test.each([
  ['in the life that claimed it', false],
  ['after hibernation', true],
])('is handed over as any other, %s, and stays handed over', async (_, hibernated) => {
  const { asked, clock, connection, gate, platform } = await cleanLamp()
  const here = hibernated ? platform.loseMemory() : platform
  const holder = hibernated ? new Gate(here, LAMP) : gate
  const given = holder.device.parts.handover.handover({
    fleet: DEFAULT_FLEET,
    root: LAMP_ROOT,
    epoch: 2,
    to: US,
  })
  await clock.pass(2000)
  expect(await given).toMatchObject({ state: { session: null } })
  expect(packetsTo(connection).at(-1)).toMatchObject({
    cmd: 'disconnect',
    reasonCode: Reason.SessionTakenOver,
  })
  const awake = new Gate(here.loseMemory(), LAMP)
  expect(awake.device.leaf.home.knowledge).toEqual({ at: 'elsewhere', region: US, epoch: 2 })
  expect(awake.device.leaf.home.wasBefore(2)).toBe(true)
  expect(asked.claims).toBe(1)
})

test('costs a silent connection nothing: a PINGREQ leaves the attachment’s home as it is', async () => {
  const { connection, platform } = await cleanLamp()
  const later = platform.loseMemory()
  await new Gate(later, LAMP).frame(connection, frame({ cmd: 'pingreq' }))
  expect(new Gate(later.loseMemory(), LAMP).device.leaf.home.knowledge).toEqual({ at: 'here', epoch: 1 })
})
