// Who may call whom between edge and core, and for how long a token holds.
import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import type { RegionId } from '../../src/id/ids.ts'
import {
  edgeParty,
  RELAY_SECRET_CHARS_MIN,
  RelaySigner,
  relayKey,
  verifyRelay,
} from '../../src/relay/token.ts'

const SECRET = 'a secret of more than thirty-two characters'
const EU = edgeParty('eu' as RegionId)
const NOW = 1_700_000_000_000
const MINUTE = 60_000

function signed(at = NOW, secret = SECRET): Promise<string> {
  return new RelaySigner(secret, EU, () => at).authorization('core')
}

test('a call tells who made it', async () => {
  expect(await verifyRelay(await signed(), SECRET, 'core', NOW)).toBe('edge:eu')
  const fromCore = await new RelaySigner(SECRET, 'core', () => NOW).authorization(EU)
  expect(await verifyRelay(fromCore, SECRET, EU, NOW)).toBe('core')
})

describe('a call is refused', () => {
  test.each([null, undefined, '', 'Bearer', 'Bearer ', 'Bearer x', 'Bearer a.b.c', 'Basic abc'])(
    'without a token: %j',
    async (authorization) => {
      expect(await verifyRelay(authorization, SECRET, 'core', NOW)).toBeNull()
    },
  )

  test('with a token that is not signed', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const seconds = NOW / 1000
    const claims = { iss: 'edge:eu', aud: 'core', iat: seconds, exp: seconds + 300 }
    for (const alg of ['none', 'HS256']) {
      const unsigned = `Bearer ${part({ alg })}.${part(claims)}.`
      expect(await verifyRelay(unsigned, SECRET, 'core', NOW)).toBeNull()
    }
  })

  test('with a token of another secret, or a changed one', async () => {
    const other = await signed(NOW, `${SECRET}!`)
    expect(await verifyRelay(other, SECRET, 'core', NOW)).toBeNull()
    const [head, , signature] = (await signed()).split('.')
    const [, claims] = (await new RelaySigner(SECRET, 'core', () => NOW).authorization('core')).split('.')
    expect(await verifyRelay(`${head}.${claims}.${signature}`, SECRET, 'core', NOW)).toBeNull()
  })

  test('with a token that is meant for another party', async () => {
    const token = await signed()
    expect(await verifyRelay(token, SECRET, EU, NOW)).toBeNull()
    const forEu = await new RelaySigner(SECRET, 'core', () => NOW).authorization(EU)
    expect(await verifyRelay(forEu, SECRET, edgeParty('us' as RegionId), NOW)).toBeNull()
  })

  test.each(['iss', 'iat', 'exp', 'aud'])('with a token that lacks %s', async (lacking) => {
    const seconds = NOW / 1000
    const all: Record<string, string | number> = {
      iss: EU,
      aud: 'core',
      iat: seconds,
      exp: seconds + 60,
    }
    const sign = async (claims: Record<string, string | number>) =>
      `Bearer ${await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(relayKey(SECRET))}`
    expect(await verifyRelay(await sign(all), SECRET, 'core', NOW)).toBe(EU)
    const { [lacking]: _, ...rest } = all
    expect(await verifyRelay(await sign(rest), SECRET, 'core', NOW)).toBeNull()
  })

  test('with a token that says of itself that it lives long, once it is old', async () => {
    const seconds = NOW / 1000
    const token = await new SignJWT({ iss: EU, aud: 'core', iat: seconds, exp: seconds + 86_400 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(relayKey(SECRET))
    expect(await verifyRelay(`Bearer ${token}`, SECRET, 'core', NOW + 11 * MINUTE)).toBeNull()
  })
})

test('clocks may differ by five minutes either way', async () => {
  const token = await signed()
  expect(await verifyRelay(token, SECRET, 'core', NOW - 5 * MINUTE)).toBe(EU)
  expect(await verifyRelay(token, SECRET, 'core', NOW + 5 * MINUTE)).toBe(EU)
  expect(await verifyRelay(token, SECRET, 'core', NOW - 5 * MINUTE - 1000)).toBeNull()
})

test('a token is refused once it is older than its five minutes and the clocks’ five', async () => {
  const token = await signed()
  expect(await verifyRelay(token, SECRET, 'core', NOW + 10 * MINUTE - 1000)).toBe(EU)
  expect(await verifyRelay(token, SECRET, 'core', NOW + 10 * MINUTE + 1000)).toBeNull()
})

test('a signer uses a token again while it is fresh, and makes one per party', async () => {
  let now = NOW
  const signer = new RelaySigner(SECRET, 'core', () => now)
  const first = await signer.authorization(EU)
  expect(await signer.authorization(edgeParty('us' as RegionId))).not.toBe(first)
  now += 3 * MINUTE - 1
  expect(await signer.authorization(EU)).toBe(first)
  now += 1
  expect(await signer.authorization(EU)).not.toBe(first)
})

test('a token in use is good for a receiver whose clock is five minutes ahead or behind', async () => {
  let now = NOW
  const signer = new RelaySigner(SECRET, EU, () => now)
  for (let second = 0; second < 400; second += 7) {
    now = NOW + second * 1000
    const token = await signer.authorization('core')
    expect(await verifyRelay(token, SECRET, 'core', now + 5 * MINUTE)).toBe(EU)
    expect(await verifyRelay(token, SECRET, 'core', now - 5 * MINUTE)).toBe(EU)
  }
})

test('a secret that is too short is refused, and the error does not tell it', async () => {
  const short = 'x'.repeat(RELAY_SECRET_CHARS_MIN - 1)
  expect(() => new RelaySigner(short, 'core')).toThrow('the relay secret has 31 characters; at least 32')
  expect(() => relayKey(short)).not.toThrow(short)
  expect(() => relayKey(`${short}x`)).not.toThrow()
  const token = await new SignJWT({ iss: EU, aud: 'core', iat: NOW / 1000, exp: NOW / 1000 + 60 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(short))
  expect(await verifyRelay(`Bearer ${token}`, short, 'core', NOW)).toBeNull()
})
