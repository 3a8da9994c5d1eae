// Registered devices: they connect with their secrets, are given new ones, and are shut out everywhere within seconds.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { RegistryClient } from './registry-client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const TEST_MS = 120_000
const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }

let system: System
let registry: RegistryClient

beforeAll(async () => {
  system = await System.start()
  registry = new RegistryClient(system)
}, SYSTEM_START_MS)
afterAll(() => system?.stop())

/** The CONNACK's code of a refused CONNECT. */
async function refusal(region: string, id: string, token: string, options = {}): Promise<number> {
  const client = await Client.begin(system, region, id, { token, ...options })
  try {
    await until(() => client.errors.length > 0 || client.connects > 0, 20_000)
    return (client.errors[0] as (Error & { code?: number }) | undefined)?.code ?? 0
  } finally {
    await client.mqtt.endAsync(true)
  }
}

describe('a registered device', { timeout: TEST_MS }, () => {
  it.each([
    ['eu', 5, false],
    ['us', 4, false],
    ['us', 5, true],
  ] as const)(
    'connects with its secret, in %s by version %i, through a front: %s',
    async (region, protocolVersion, front) => {
      const id = `lamp-${region}-${protocolVersion}-${front}`
      const { secret } = await registry.create(id)
      const lamp = await Client.connect(system, region, id, { token: secret, protocolVersion, front })
      await lamp.subscribe(`devices/${id}/cmd`)
      await lamp.publish(`devices/${id}/cmd`, 'on')
      await lamp.has(1)
      await lamp.end()
      const elsewhere = region === 'eu' ? 'us' : 'eu'
      const moved = await Client.connect(system, elsewhere, id, { token: secret, protocolVersion })
      await moved.end()
      const wrong = `${secret.slice(0, -4)}AAAA`
      expect(await refusal(region, id, wrong, { protocolVersion })).toBe(protocolVersion === 5 ? 0x86 : 4)
      expect(await refusal(region, `not-${id}`, secret, { protocolVersion })).toBe(
        protocolVersion === 5 ? 0x86 : 4,
      )
    },
  )

  it('gives its secret in the URL, where a client can set nothing else', async () => {
    const { secret } = await registry.create('by-url')
    const url = `${await system.mqttUrl('eu')}/by-url?token=${secret}`
    const client = await Client.begin(system, 'eu', 'by-url', { url })
    await until(() => client.connects > 0)
    await client.end()
  })

  it('changes over to a new secret without downtime, and the old one is good until it is revoked', async () => {
    const first = await registry.create('rotating')
    const device = await Client.connect(system, 'eu', 'rotating', { token: first.secret, ...KEPT })
    const second = await registry.rotate('rotating')
    expect(device.mqtt.connected).toBe(true)
    await device.end()
    // Both, also where neither was used yet.
    for (const region of ['us', 'eu'])
      for (const { secret } of [second, first])
        await (await Client.connect(system, region, 'rotating', { token: secret, ...KEPT })).end()
    const live = await Client.connect(system, 'us', 'rotating', { token: second.secret, ...KEPT })
    const { status } = await registry.call('DELETE', `/v1/devices/rotating/credentials/${first.id}`)
    expect(status).toBe(200)
    expect(await refusal('eu', 'rotating', first.secret)).toBe(0x87)
    expect(await refusal('us', 'rotating', first.secret)).toBe(0x87)
    expect(live.mqtt.connected).toBe(true)
    await live.end()
  })

  it('is disconnected when the grace period of its old secret is over', async () => {
    const { secret } = await registry.create('graced')
    const device = await Client.connect(system, 'eu', 'graced', { token: secret })
    await registry.rotate('graced', { graceSeconds: 3 })
    await sleep(500)
    expect(device.mqtt.connected).toBe(true)
    await device.closed(15_000)
    expect(device.disconnects).toEqual([0x87])
    expect(await refusal('eu', 'graced', secret)).toBe(0x87)
  })

  it('is disconnected in another region within seconds of being revoked, and refused everywhere', async () => {
    const { secret } = await registry.create('revoked')
    await (await Client.connect(system, 'eu', 'revoked', { token: secret })).end()
    const device = await Client.connect(system, 'us', 'revoked', { token: secret })
    const since = performance.now()
    const { status, body } = await registry.call('POST', '/v1/devices/revoked/revoke')
    expect([status, body.pending]).toEqual([200, []])
    await device.closed(5_000)
    expect(performance.now() - since).toBeLessThan(5_000)
    expect(device.disconnects).toEqual([0x98])
    for (const region of ['us', 'eu']) expect(await refusal(region, 'revoked', secret)).toBe(0x87)
  })

  it('stays revoked while the core is away, and after all processes were killed', async () => {
    const { secret } = await registry.create('revoked-for-good')
    for (const region of ['eu', 'us'])
      await (await Client.connect(system, region, 'revoked-for-good', { token: secret })).end()
    await registry.call('POST', '/v1/devices/revoked-for-good/revoke')
    await system.killAndWait('core')
    await system.killAndWait('us')
    for (const region of ['us', 'eu']) expect(await refusal(region, 'revoked-for-good', secret)).toBe(0x87)
  })

  it('is let in by its home while no core answers, and a new one is refused as temporarily unavailable', async () => {
    const { secret } = await registry.create('known')
    const other = await registry.create('new')
    await (await Client.connect(system, 'eu', 'known', { token: secret, ...KEPT })).end()
    const thaw = await system.freeze('core')
    try {
      await (await Client.connect(system, 'eu', 'known', { token: secret, ...KEPT })).end()
      expect(await refusal('eu', 'new', other.secret, { connectTimeout: 60_000 })).toBe(0x88)
    } finally {
      thaw()
    }
  })

  it('that is disabled is disconnected and refused, with a token too, until it is enabled', async () => {
    const { secret } = await registry.create('disabled')
    const token = await system.token('disabled')
    const device = await Client.connect(system, 'us', 'disabled', { token })
    await registry.call('PATCH', '/v1/devices/disabled', { enabled: false })
    await device.closed(5_000)
    expect(device.disconnects).toEqual([0x98])
    for (const region of ['us', 'eu'])
      for (const password of [secret, token]) expect(await refusal(region, 'disabled', password)).toBe(0x87)
    await registry.call('PATCH', '/v1/devices/disabled', { enabled: true })
    for (const [region, password] of [
      ['us', token],
      ['eu', secret],
    ] as const)
      await (await Client.connect(system, region, 'disabled', { token: password })).end()
  })

  it('that is removed is disconnected; registered anew, it has a new secret and its old one is void', async () => {
    const { secret } = await registry.create('removed')
    const device = await Client.connect(system, 'eu', 'removed', { token: secret })
    await registry.call('DELETE', '/v1/devices/removed')
    await device.closed(5_000)
    expect(await refusal('eu', 'removed', secret)).toBe(0x86)
    const again = await registry.create('removed')
    await until(async () => (await refusal('eu', 'removed', again.secret)) === 0, 30_000)
    expect(await refusal('eu', 'removed', secret)).toBe(0x86)
  })
})

describe('a revocation', { timeout: TEST_MS }, () => {
  it('reaches a region that did not answer within seconds of its being back', async () => {
    const { secret } = await registry.create('frozen')
    const device = await Client.connect(system, 'eu', 'frozen', { token: secret, keepalive: 0 })
    const thaw = await system.freeze('eu')
    let thawedAt: number
    try {
      const { body } = await registry.call('POST', '/v1/devices/frozen/revoke')
      expect(body.pending).toEqual(['eu'])
      expect(device.mqtt.connected).toBe(true)
    } finally {
      thaw()
      thawedAt = performance.now()
    }
    await device.closed(20_000)
    expect(performance.now() - thawedAt).toBeLessThan(15_000)
    expect(device.disconnects).toEqual([0x98])
    expect(await refusal('eu', 'frozen', secret)).toBe(0x87)
  })

  it('reaches it too where the core was killed meanwhile', async () => {
    const { secret } = await registry.create('outlives')
    const device = await Client.connect(system, 'us', 'outlives', { token: secret, keepalive: 0 })
    const thaw = await system.freeze('us')
    try {
      await registry.call('POST', '/v1/devices/outlives/revoke')
      await system.killAndWait('core')
    } finally {
      thaw()
    }
    await device.closed(30_000)
    expect(device.disconnects).toEqual([0x98])
  })
})

describe('a device with a claim token', { timeout: TEST_MS }, () => {
  it('gets its secret from the edge and connects with it; the limit holds in both regions', async () => {
    const { body } = await registry.call<{ token: string }>('POST', '/v1/claim-tokens', {
      uses: 5,
      groups: ['factory'],
    })
    const claimed = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const device = `claimed-${i}`
        const answer = await registry.provision(i % 2 === 0 ? 'eu' : 'us', { claimToken: body.token, device })
        return { device, ...answer }
      }),
    )
    const done = claimed.filter(({ status }) => status === 201)
    expect(done).toHaveLength(5)
    expect(claimed.filter(({ status }) => status === 403)).toHaveLength(7)
    for (const { device, body: given } of done)
      await (await Client.connect(system, 'us', device, { token: given.credential?.secret })).end()
    const listed = await registry.call<{ items: { id: string }[] }>('GET', '/v1/devices?group=factory')
    expect(listed.body.items.map(({ id }) => id).sort()).toEqual(done.map(({ device }) => device).sort())
  })

  it('that is none is refused by the edge itself', async () => {
    const { status, body } = await registry.provision('eu', { claimToken: 'guess', device: 'x' })
    expect([status, body.field]).toEqual([403, 'claimToken'])
  })
})

describe('a client without an entry in the registry', { timeout: TEST_MS }, () => {
  it('connects with a token, as ever', async () => {
    await (await Client.connect(system, 'eu', 'nobody')).end()
  })
})
