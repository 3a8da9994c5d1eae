// Handshakes without a token: what the Worker refuses before there is an actor.
import { beforeEach, describe, expect, test } from 'vitest'
import { edgeApp } from '../../actors/http/app.ts'
import { UnprovenUpgrades } from '../../actors/http/unproven-upgrades.ts'
import { UNPROVEN_ADDRESSES_MAX, UNPROVEN_WINDOW_MS } from '../../actors/limits.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import type { ClientId, FleetId } from '../../src/id/ids.ts'
import { fakeEdge } from './fake-edge.ts'
import { SECRET } from './fake-platform.ts'

const OTHER = 'acme' as FleetId

let actors: string[]
beforeEach(() => {
  actors = []
})

const edge = fakeEdge(() => undefined, {
  unprovenPerMinute: 20,
  upgrade: async ({ kind, id }) => {
    actors.push(`${kind} ${id}`)
    return new Response(null, { status: 200 })
  },
})

async function upgrade(path: string, headers: Record<string, string> = {}) {
  const request = new Request(`http://edge${path}`, {
    headers: { upgrade: 'websocket', 'sec-websocket-protocol': 'mqtt', ...headers },
  })
  return edgeApp.fetch(request, { edge })
}

const tokenOf = (client: string, fleet: FleetId) =>
  signClientToken({ client: client as ClientId, fleet, admin: false }, SECRET, 60)

describe('a handshake without a token', () => {
  test('for a fleet that is not listed is refused, ten thousand times, and makes no actor', async () => {
    for (let i = 0; i < 10_000; i++) expect((await upgrade(`/mqtt/lamp?fleet=f${i}`)).status).toBe(403)
    const refused = await upgrade('/mqtt/lamp?fleet=acme')
    expect(await refused.json()).toMatchObject({ type: '/problems/fleet-not-listed', field: 'fleet' })
    // The format of a secret proves nothing.
    const secret = `slk_${'a'.repeat(16)}_${'b'.repeat(43)}`
    expect((await upgrade(`/mqtt/lamp?fleet=acme&token=${secret}`)).status).toBe(403)
    expect(actors).toEqual([])
    expect((await upgrade(`/mqtt/lamp?token=${await tokenOf('lamp', OTHER)}`)).status).toBe(200)
  })

  test('of one address makes as many actors a minute as are allowed, of ten thousand', async () => {
    const from = (address: string) => ({ 'cf-connecting-ip': address })
    let refused = 0
    for (let i = 0; i < 10_000; i++) {
      const answer = await upgrade(i % 2 === 0 ? `/mqtt/random-${i}` : '/mqtt', from('192.0.2.1'))
      if (answer.status === 429) refused++
    }
    expect(actors).toHaveLength(20)
    expect(refused).toBe(9_980)
    const answer = await upgrade('/mqtt/lamp', from('192.0.2.1'))
    expect(await answer.json()).toMatchObject({ type: '/problems/too-many-unproven' })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await upgrade('/mqtt/lamp', from('192.0.2.2'))).status).toBe(200)
    const token = await tokenOf('lamp', 'default' as FleetId)
    expect((await upgrade(`/mqtt/lamp?token=${token}`, from('192.0.2.1'))).status).toBe(200)
  })
})

describe('the count of an address', () => {
  test('begins anew each minute, and one host of IPv6 has one, whatever address it takes', () => {
    const upgrades = new UnprovenUpgrades()
    const wait = (address: string, now: number) => upgrades.waitMs(address, 2, now)
    expect([
      wait('2001:db8:0:1::1', 0),
      wait('2001:db8:0:1:9:9:9:9', 10),
      wait('2001:db8:0:1::2', 20),
    ]).toEqual([0, 0, UNPROVEN_WINDOW_MS - 20])
    expect(wait('2001:db8:0:2::1', 20)).toBe(0)
    expect(wait('2001:db8:0:1::3', UNPROVEN_WINDOW_MS)).toBe(0)
  })

  test('is kept of a bounded number of addresses', () => {
    const upgrades = new UnprovenUpgrades()
    upgrades.waitMs('first', 1, 0)
    expect(upgrades.waitMs('first', 1, 1)).toBeGreaterThan(0)
    for (let i = 0; i < UNPROVEN_ADDRESSES_MAX; i++) upgrades.waitMs(String(i), 1, 2)
    expect(upgrades.waitMs('first', 1, 3)).toBe(0)
  })
})
