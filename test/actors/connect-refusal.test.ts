// What a client whose CONNECT is refused is told: the cause, if it has proven who it is, else one text for all.
import { describe, expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET, type FleetId } from '../../src/id/ids.ts'
import { FakePlatform, SECRET } from './fake-platform.ts'
import { addressOf, EU, frame, LAMP, packetsTo } from './samples.ts'

const PHONE = 'phone' as ClientId
const UNIFORM = 'the password is neither a valid token nor the secret of this device'

async function refusal(
  password: (now: number) => Promise<string | null> | string | null,
  more: { clientId?: string; properties?: object; will?: { topic: string } } = {},
) {
  const platform = new FakePlatform(addressOf('device', EU, LAMP))
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, false)
  const given = await password(platform.now())
  const { clientId = LAMP, properties = {}, will } = more
  const connect = {
    cmd: 'connect' as const,
    protocolId: 'MQTT' as const,
    protocolVersion: 5 as const,
    clientId,
    clean: true,
    keepalive: 0,
    properties,
    ...(given !== null && { username: 'x', password: Buffer.from(given) }),
    ...(will !== undefined && {
      will: { qos: 0 as const, retain: false, payload: Buffer.from(''), ...will },
    }),
  }
  const answered = gate.frame(connection, frame(connect))
  await platform.clock.settled()
  await answered
  const [connack] = packetsTo(connection) as { reasonCode?: number; properties?: { reasonString?: string } }[]
  return [connack?.reasonCode, connack?.properties?.reasonString]
}

const token =
  (client = LAMP, fleet: FleetId = DEFAULT_FLEET, seconds = 60, secret = SECRET) =>
  (now: number) =>
    signClientToken({ client, fleet, admin: false }, secret, seconds, now)
const expired =
  (secret = SECRET) =>
  (now: number) =>
    signClientToken({ client: LAMP, fleet: DEFAULT_FLEET, admin: false }, secret, 60, now - 3_600_000)

describe('a refused CONNECT', () => {
  test('with a signed token names the cause', async () => {
    expect(await refusal(expired())).toEqual([0x86, expect.stringContaining('expired')])
    expect(await refusal(token(PHONE))).toEqual([0x87, expect.stringContaining('another client')])
    expect(await refusal(token(LAMP, 'other' as FleetId))).toEqual([
      0x87,
      expect.stringContaining('another fleet'),
    ])
    expect(await refusal(token(), { clientId: 'phone' })).toEqual([
      0x85,
      expect.stringContaining('client id'),
    ])
    expect(await refusal(token(), { will: { topic: 'presence/lamp' } })).toEqual([
      0x87,
      expect.stringContaining('will'),
    ])
    const root = `rooms/${'x'.repeat(900)}`
    expect(await refusal(token(), { will: { topic: `${root}/a` } })).toEqual([
      0x90,
      expect.stringMatching(/will.*900 bytes/),
    ])
  })

  test('with a client id that is none names what one is', async () => {
    for (const clientId of ['.', '..', 'a/b', '$a'])
      expect(await refusal(token(), { clientId })).toEqual([0x85, expect.stringContaining('is not . or ..')])
  })

  test('without a password says what to send', async () => {
    expect(await refusal(() => null)).toEqual([0x87, expect.stringContaining('password')])
  })

  test('by a guesser reads the same whatever is wrong', async () => {
    const other = 'another secret, which is as long as the right one'
    for (const guess of [
      token(LAMP, DEFAULT_FLEET, 60, other),
      expired(other),
      token(PHONE, DEFAULT_FLEET, 60, other),
    ])
      expect(await refusal(guess, { clientId: 'phone' })).toEqual([0x86, UNIFORM])
    expect(await refusal(() => 'no token', { clientId: 'phone' })).toEqual([0x86, UNIFORM])
  })

  test('says nothing that is too long for the client', async () => {
    expect(await refusal(expired(), { properties: { maximumPacketSize: 20 } })).toEqual([0x86, undefined])
  })
})
