// A client's token: who it is, until when, and what is taken for none.

import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET, type FleetId } from '../../src/id/ids.ts'
import { validClaims } from './valid-claims.ts'

const SECRET = 'a secret for the tokens of clients'
const NOW = 1_700_000_000_000
const lamp = { client: 'lamp' as ClientId, fleet: 'acme' as FleetId, admin: false }

/** A token of any claims, signed as ours are. */
function signed(claims: Record<string, unknown>, alg = 'HS256'): Promise<string> {
  const bytes = new TextEncoder().encode(alg === 'HS256' ? SECRET : SECRET.repeat(2))
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(bytes)
}

const seconds = NOW / 1000
const claims = { sub: 'lamp', aud: 'starling', exp: seconds + 60 }

test('a token gives back whom it was signed for', async () => {
  for (const admin of [false, true]) {
    const token = await signClientToken({ ...lamp, admin }, SECRET, 60, NOW)
    expect(await validClaims(token, SECRET, NOW)).toEqual({ ...lamp, admin })
  }
})

test('a token says the durability that it was signed with, and nothing of the usual one', async () => {
  const token = await signClientToken({ ...lamp, durability: 'global' }, SECRET, 60, NOW)
  expect(await validClaims(token, SECRET, NOW)).toEqual({ ...lamp, durability: 'global' })
  const other = await signed({ ...claims, durability: 'galactic' })
  expect(await validClaims(other, SECRET, NOW)).not.toHaveProperty('durability')
})

test('a token without a fleet is of the default one', async () => {
  expect(await validClaims(await signed(claims), SECRET, NOW)).toEqual({
    client: 'lamp',
    fleet: DEFAULT_FLEET,
    admin: false,
  })
})

test('a token holds until it expires, and no longer', async () => {
  const token = await signClientToken(lamp, SECRET, 60, NOW)
  expect(await validClaims(token, SECRET, NOW + 59_999)).not.toBeNull()
  expect(await validClaims(token, SECRET, NOW + 60_000)).toBeNull()
})

describe('refused is', () => {
  test('a token of another secret', async () => {
    const token = await signClientToken(lamp, `${SECRET}!`, 60, NOW)
    expect(await validClaims(token, SECRET, NOW)).toBeNull()
  })

  test('a token that was changed', async () => {
    const [head, , signature] = (await signed(claims)).split('.')
    const [, other] = (await signed({ ...claims, sub: 'boss' })).split('.')
    expect(await validClaims(`${head}.${other}.${signature}`, SECRET, NOW)).toBeNull()
  })

  test.each(['sub', 'aud', 'exp'])('a token without %s', async (lacking) => {
    const { [lacking as 'sub']: _, ...rest } = claims
    expect(await validClaims(await signed(rest), SECRET, NOW)).toBeNull()
  })

  test.each(['', 'a/b', '#', '$SYS', 'a'.repeat(129)])(
    'a token whose subject is no client: %j',
    async (sub) => {
      expect(await validClaims(await signed({ ...claims, sub }), SECRET, NOW)).toBeNull()
    },
  )

  test.each(['', 'Not A Fleet'])('a token of a fleet that is none: %j', async (fleet) => {
    expect(await validClaims(await signed({ ...claims, fleet }), SECRET, NOW)).toBeNull()
  })

  test('a token for somebody else’s audience', async () => {
    expect(await validClaims(await signed({ ...claims, aud: 'core' }), SECRET, NOW)).toBeNull()
  })

  test('a token of another algorithm, or of none', async () => {
    expect(await validClaims(await signed(claims, 'HS512'), SECRET, NOW)).toBeNull()
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const unsigned = `${part({ alg: 'none' })}.${part(claims)}.`
    expect(await validClaims(unsigned, SECRET, NOW)).toBeNull()
  })

  test.each(['', 'x', 'a.b.c', '..', 'é'])('what is no token: %j', async (text) => {
    expect(await validClaims(text, SECRET, NOW)).toBeNull()
  })
})

test('only the scope admin makes an administrator', async () => {
  for (const scope of ['administrator', 'user', '', ['admin'], true]) {
    expect((await validClaims(await signed({ ...claims, scope }), SECRET, NOW))?.admin).toBe(false)
  }
})
