// What a state folder has of devices: presence, shadows, secrets, commands and history. Written by one release, found by another.
import { expect } from 'vitest'
import { Client } from '../e2e/client.ts'
import { RegistryClient } from '../e2e/registry-client.ts'
import { until } from '../e2e/system.ts'
import { FIND_MS, KEPT, presence, type States, service } from './written.ts'

/** For telemetry alone, as `--history` says it. */
export const HISTORY = 'devices/+/telemetry=7d'

export const DEVICES: States = {
  'presence, whose numbers go on, also for a connection that ended with its process': async (system) => {
    const ended = await Client.connect(system, 'eu', 'ended')
    await ended.end()
    const roamed = await Client.connect(system, 'us', 'ended')
    await roamed.end()
    await Client.connect(system, 'eu', 'lost', { protocolVersion: 4, keepalive: 2 })
    await until(async () => (await presence(system, 'us', 'ended')).body.sequence === 4)
    const before = (await presence(system, 'us', 'ended')).body
    return {
      find: async () => {
        expect((await presence(system, 'eu', 'ended')).body).toEqual(before)
        const again = await Client.connect(system, 'eu', 'ended')
        await until(async () => (await presence(system, 'us', 'ended')).body.sequence === 5)
        expect((await presence(system, 'us', 'ended')).body).toMatchObject({
          epoch: before.epoch + 1,
          state: 'connected',
          region: 'eu',
        })
        await until(async () => (await presence(system, 'us', 'lost')).body.state === 'disconnected', FIND_MS)
        expect((await presence(system, 'us', 'lost')).body).toMatchObject({ sequence: 2 })
        await again.end()
      },
    }
  },

  'shadows, classic and named, also what the core did not have': async (system) => {
    const change = (region: string, query: string, desired: object, headers = {}) =>
      service(system, region, `/v1/devices/heater/shadow${query}`, {
        method: 'PATCH',
        body: { state: { desired } },
        headers,
      })
    const read = async (region: string, query: string) =>
      (await service(system, region, `/v1/devices/heater/shadow${query}`)).body
    expect((await change('eu', '', { target: 20 })).status).toBe(200)
    expect((await change('us', '', { target: 21, mode: 'eco' })).status).toBe(200)
    expect((await change('eu', '?name=wifi', { channel: 6 })).status).toBe(200)
    return {
      cutOff: async () => {
        expect((await change('eu', '', { mode: 'boost' })).status).toBe(200)
      },
      find: async () => {
        for (const region of ['eu', 'us']) {
          expect(await read(region, '')).toMatchObject({
            version: 3,
            state: { desired: { target: 21, mode: 'boost' } },
          })
          expect(await read(region, '?name=wifi')).toMatchObject({
            version: 1,
            state: { desired: { channel: 6 } },
          })
        }
        expect((await change('us', '', { mode: 'off' }, { 'if-match': '"3"' })).body.version).toBe(4)
        expect((await change('eu', '?name=wifi', { channel: 11 })).body.version).toBe(2)
      },
    }
  },

  'registered devices with their secrets, and what was revoked': async (system) => {
    const registry = new RegistryClient(system)
    const { secret } = await registry.create('registered', { type: 'lamp', attributes: { room: 'kitchen' } })
    const revoked = await registry.create('revoked')
    for (const [id, token] of [
      ['registered', secret],
      ['revoked', revoked.secret],
    ] as const)
      await (await Client.connect(system, 'eu', id, { token })).end()
    const later = await registry.create('connects-later')
    await registry.call('POST', '/v1/devices/revoked/revoke')
    return {
      find: async () => {
        await (await Client.connect(system, 'eu', 'registered', { token: secret })).end()
        await (await Client.connect(system, 'us', 'connects-later', { token: later.secret })).end()
        const refused = await Client.connect(system, 'eu', 'revoked', { token: revoked.secret }).catch(
          (cause) => cause as { code?: number },
        )
        expect(refused).toMatchObject({ code: 0x87 })
        const { body } = await registry.call('GET', '/v1/devices/registered')
        expect(body).toMatchObject({ id: 'registered', type: 'lamp', attributes: { room: 'kitchen' } })
      },
    }
  },

  'a command that waits for its device, and one that was answered under its key': async (system) => {
    const key = { 'idempotency-key': 'state-2026' }
    const lamp = await Client.connect(system, 'eu', 'lamp', KEPT)
    await lamp.subscribe('devices/lamp/commands/#')
    const respond = async (device: Client, index: number, text: string) => {
      await device.has(index + 1)
      const { responseTopic = '', correlationData } = device.got[index]?.packet.properties ?? {}
      await device.publish(responseTopic, text, {
        qos: 1,
        properties: { ...(correlationData && { correlationData }) },
      })
    }
    const call = (text: string, more: object, headers: Record<string, string>) =>
      service(system, 'us', '/v1/devices/lamp/commands', {
        method: 'POST',
        body: { name: 'blink', text, ...more },
        headers,
      })
    const first = call('first', {}, key)
    await respond(lamp, 0, 'done')
    const answered = await first
    expect(answered).toMatchObject({ status: 200, body: { answer: { text: 'done' } } })
    await lamp.end()
    const waits = { whenOffline: 'wait', timeoutMs: 3_600_000 }
    const open = await call('second', waits, { prefer: 'respond-async' })
    expect(open.status).toBe(202)
    const path = open.headers.get('location') ?? ''
    return {
      find: async () => {
        expect((await service(system, 'us', path)).body).toMatchObject({ state: 'open' })
        const back = await Client.connect(system, 'eu', 'lamp', KEPT)
        expect(back.sessionPresent).toBe(true)
        await respond(back, 0, 'at last')
        await until(async () => (await service(system, 'us', path)).body.state === 'answered')
        expect((await service(system, 'eu', path)).body).toMatchObject({ answer: { text: 'at last' } })
        const again = await call('first', {}, key)
        expect(again).toMatchObject({
          status: 200,
          body: { id: answered.body.id, answer: { text: 'done' } },
        })
        expect(back.got).toHaveLength(1)
        await back.end()
      },
    }
  },

  'history, in the store and still at the home, with numbers that go on': async (system) => {
    const kept = async (where: string) => {
      const path = '/v1/devices/meter/history?order=oldest&fresh=true'
      const { body } = await service(system, where, path)
      return (body.items as { number: number; text: string }[]).map(({ number, text }) => [number, text])
    }
    const meter = await Client.connect(system, 'eu', 'meter')
    for (const text of ['1', '2', '3']) await meter.publish('devices/meter/telemetry', text)
    expect(await kept('us')).toHaveLength(3)
    return {
      cutOff: async () => {
        for (const text of ['4', '5']) await meter.publish('devices/meter/telemetry', text)
        meter.drop()
      },
      find: async () => {
        const back = await Client.connect(system, 'eu', 'meter')
        await back.publish('devices/meter/telemetry', '6')
        const wanted = ['1', '2', '3', '4', '5', '6'].map((text) => [Number(text), text])
        for (const where of ['eu', 'us', 'core']) expect(await kept(where)).toEqual(wanted)
        await back.end()
      },
    }
  },
}
