// Sockets before CONNACK: what they may hold, and that they keep nobody out.
import { expect, test, vi } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import { ARRIVAL_BYTES_MAX, ARRIVALS_MAX, EARLY_FRAME_BYTES_MAX } from '../../actors/limits.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { packBatch } from '../../src/relay/batch.ts'
import type { ClaimResponse } from '../../src/relay/home.ts'
import type { FakeConnection } from './fake-connection.ts'
import { fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform, SECRET } from './fake-platform.ts'
import { addressOf, connectFrame, EU, LAMP, packetsTo, watch } from './samples.ts'

const SECRET_OF_NOBODY = `slk_${'a'.repeat(16)}_${'b'.repeat(43)}`

function lamp(core = fakeCore(EU)) {
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { core })
  const gate = new Gate(platform, LAMP)
  const open = (authenticated = false): FakeConnection => {
    const connection = platform.accept()
    gate.opened(connection, authenticated)
    return connection
  }
  return { gate, open, platform }
}

async function passwordOf(platform: FakePlatform) {
  const claims = { client: LAMP, fleet: platform.fleet, admin: false }
  return { username: 'x', password: Buffer.from(await signClientToken(claims, SECRET, 3600, platform.now())) }
}

/** CONNECT with a will of this many bytes, which makes it large. */
const largeConnect = (bytes: number, more = {}) =>
  connectFrame(0, {
    will: { topic: 'a', payload: Buffer.alloc(bytes), qos: 0, retain: false },
    ...more,
  })

const isAccepted = (connection: FakeConnection) =>
  vi.waitFor(() => expect(packetsTo(connection)[0]).toMatchObject({ cmd: 'connack', reasonCode: 0 }))

test('sixty sockets with an unfinished CONNECT each hold little, and the client gets in meanwhile', async () => {
  const { gate, open, platform } = lamp()
  const begun = connectFrame(0, { username: 'x'.repeat(15_000) }).slice(0, 15_000)
  const sockets = Array.from({ length: 60 }, () => open())
  for (const socket of sockets) await gate.frame(socket, begun)
  expect(sockets.filter((one) => one.open)).toEqual(sockets.slice(-ARRIVALS_MAX))
  expect(sockets[0]?.closing).toEqual({ code: 1008, reason: 'newer sockets wait for CONNACK here' })

  const real = open()
  await gate.frame(real, connectFrame(0, await passwordOf(platform)))
  await isAccepted(real)
  expect(sockets.filter((one) => one.open)).toHaveLength(ARRIVALS_MAX - 1)
})

test('a CONNECT of a megabyte is refused by its first bytes with 0x95, unless the token came before it', async () => {
  const { gate, open, platform } = lamp()
  const large = largeConnect(60_000, await passwordOf(platform))
  const unproven = open()
  await gate.frame(unproven, large.slice(0, 100))
  expect(packetsTo(unproven)).toMatchObject([
    {
      cmd: 'connack',
      reasonCode: 0x95,
      properties: { reasonString: expect.stringContaining('CONNECT of 60') },
    },
  ])
  expect(unproven.open).toBe(false)
  expect(large.length).toBeGreaterThan(ARRIVAL_BYTES_MAX)

  const small = open()
  await gate.frame(small, largeConnect(15_000, await passwordOf(platform)))
  await isAccepted(small)
  const proven = open(true)
  await gate.frame(proven, large)
  await isAccepted(proven)
})

test('a client whose token is checked keeps its place, however many sockets come after it', async () => {
  const claim = held<ClaimResponse>()
  const { gate, open, platform } = lamp(fakeCore(EU, { claim: () => claim.answer }))
  const real = open()
  const framed = watch(gate.frame(real, connectFrame(3600, await passwordOf(platform))))
  // The signature is checked by the platform, which no fake clock drives.
  await new Promise((done) => setTimeout(done, 50))
  for (let i = 0; i < 60; i++) open()
  claim.give({ home: { region: EU, epoch: 1 }, state: null, synced: false })
  await platform.clock.pass(1_000)
  await isAccepted(real)
  expect(framed.state()).toBe('resolved')
})

test('of sockets with a checked token the oldest goes too', async () => {
  const { open } = lamp()
  const sockets = Array.from({ length: ARRIVALS_MAX + 2 }, () => open(true))
  expect(sockets.map((one) => one.open)).toEqual([false, false, ...Array(ARRIVALS_MAX).fill(true)])
})

test('frames that come before CONNACK share a megabyte, and the socket that sends most of them goes', async () => {
  const access = held<never>()
  const { gate, open } = lamp(fakeCore(EU, { access: () => access.answer }))
  const connect = connectFrame(0, { username: 'x', password: Buffer.from(SECRET_OF_NOBODY) })
  const [modest, greedy] = [open(), open()]
  for (const socket of [modest, greedy]) void gate.frame(socket, connect)
  await gate.frame(modest, new Uint8Array(100_000))
  for (let bytes = 0; bytes < EARLY_FRAME_BYTES_MAX; bytes += 65_536)
    await gate.frame(greedy, new Uint8Array(65_536))
  expect(greedy.closing).toEqual({ code: 1008, reason: 'too much before CONNACK' })
  expect(modest.open).toBe(true)
})

test('whoever is refused leaves no row, directly and through a front', async () => {
  const { gate, open, platform } = lamp()
  const wrong = connectFrame(3600, { username: 'x', password: Buffer.from('nonsense') })
  const direct = open()
  await gate.frame(direct, wrong)
  await vi.waitFor(() => expect(packetsTo(direct)[0]).toMatchObject({ cmd: 'connack', reasonCode: 0x86 }))
  expect(platform.storage.blank).toBe(true)

  const sent: string[] = []
  const peers = fakePeers({
    front: () => ({ send: async () => void sent.push('connack'), close: async () => {} }),
  })
  const other = new FakePlatform(addressOf('device', EU, LAMP), { peers })
  const behind = new Gate(other, LAMP)
  behind.frontOpened('front-1')
  behind.frontFrames('front-1', packBatch([wrong]))
  await vi.waitFor(() => expect(sent).toEqual(['connack']))
  expect(other.storage.blank).toBe(true)
})

test('a socket that stays silent is closed after ten seconds', async () => {
  const { open, platform } = lamp()
  const silent = open()
  await platform.clock.pass(11_000)
  expect(silent.closing?.reason).toBe('no CONNECT came')
})
