// What a state folder can hold: each part is written through the public interfaces by one release, and looked for by another.
import { expect } from 'vitest'
import { Client } from '../e2e/client.ts'
import { type Answer, ask } from '../e2e/http.ts'
import { Raw } from '../e2e/raw.ts'
import { RegistryClient } from '../e2e/registry-client.ts'
import { type System, until } from '../e2e/system.ts'

/** Kept for two regions, eu and us, and for telemetry alone. */
export const HISTORY = 'devices/+/telemetry=7d'

const KEPT = { clean: false, properties: { sessionExpiryInterval: 86_400 } }
/** Past the stop and the start of everything on a busy machine. */
const WILL_DELAY_S = 20
const FIND_MS = 45_000

export interface Written {
  /** Written once no core answers any more: what the core's store has not. */
  readonly cutOff?: () => Promise<void>
  /** @param stoppedAt when everything was stopped, by Date.now() */
  readonly find: (stoppedAt: number) => Promise<void>
}

/** By what is found; each resolves when its part is written. */
export const STATES: Readonly<Record<string, (system: System) => Promise<Written>>> = {
  'a session with its subscriptions, and its queue of QoS 1 and 2': async (system) => {
    const sleeper = await Client.connect(system, 'eu', 'sleeper', KEPT)
    await sleeper.subscribe('rooms/state/#', { qos: 2 })
    await sleeper.subscribe('devices/sleeper/cmd')
    await sleeper.end()
    const far = await Client.connect(system, 'us', 'far-sleeper', KEPT)
    await far.subscribe('rooms/state/#', { qos: 2 })
    await far.end()
    const app = await Client.connect(system, 'us', 'app')
    await app.publish('rooms/state/a', 'one', { qos: 1 })
    await app.publish('rooms/state/a', 'two', { qos: 2 })
    await app.publish('devices/sleeper/cmd', 'own')
    await app.end()
    return {
      find: async () => {
        const back = await Client.connect(system, 'eu', 'sleeper', KEPT)
        const there = await Client.connect(system, 'us', 'far-sleeper', KEPT)
        expect([back.sessionPresent, there.sessionPresent]).toEqual([true, true])
        await back.has(3)
        await there.has(2)
        expect(there.got.map(({ text, packet }) => [text, packet.qos])).toEqual([
          ['one', 1],
          ['two', 2],
        ])
        expect(back.texts.filter((text) => text !== 'own')).toEqual(['one', 'two'])
        await back.publish('rooms/state/b', 'after')
        await back.has(4)
        await there.has(3)
        await Promise.all([back.end(), there.end()])
      },
    }
  },

  'exchanges of QoS 1 and 2 in the middle, of receiver and publisher': async (system) => {
    const receiver = await Raw.connect(system, 'eu', 'receiver', { clean: false, expiry: 3600 })
    await receiver.subscribe('rooms/flight/#', { qos: 2 })
    const sender = await Raw.connect(system, 'eu', 'sender', { clean: false, expiry: 3600 })
    await sender.published('rooms/flight/x', 'released', { qos: 2 })
    await sender.published('rooms/flight/x', 'open', { qos: 1 })
    const [released, open] = await receiver.has(2)
    receiver.answer('pubrec', released?.messageId ?? 0)
    await receiver.gets('pubrel')
    const id = sender.publish('rooms/flight/x', 'once', { qos: 2 })
    await sender.gets('pubrec', 2)
    await receiver.has(3)
    receiver.drop()
    sender.drop()
    return {
      find: async () => {
        const back = await Raw.connect(system, 'eu', 'receiver', { clean: false, expiry: 3600 })
        expect(back.packets[0]).toMatchObject({ sessionPresent: true })
        expect(await back.gets('pubrel')).toMatchObject({ messageId: released?.messageId })
        const again = await back.has(2)
        expect(again.map(({ messageId, dup, payload }) => [messageId, dup, `${payload}`])).toEqual([
          [open?.messageId, true, 'open'],
          [expect.any(Number), true, 'once'],
        ])
        const resent = await Raw.connect(system, 'eu', 'sender', { clean: false, expiry: 3600 })
        resent.publish('rooms/flight/x', 'once', { qos: 2, id, dup: true })
        await resent.gets('pubrec')
        resent.answer('pubrel', id)
        await resent.gets('pubcomp')
        await back.ping()
        expect(back.texts).toEqual(['open', 'once'])
        back.drop()
        resent.drop()
      },
    }
  },

  'a session that moves to the other region, with what waits for it': async (system) => {
    const mover = await Client.connect(system, 'eu', 'mover', KEPT)
    await mover.subscribe('devices/mover/cmd')
    await mover.subscribe('rooms/moving/#')
    await mover.publish('devices/mover/state', 'on', { qos: 1, retain: true })
    await mover.end()
    const app = await Client.connect(system, 'us', 'moving-app')
    for (const text of ['a', 'b', 'c']) await app.publish('devices/mover/cmd', text)
    await app.publish('rooms/moving/x', 'room')
    await app.end()
    return {
      find: async () => {
        const moved = await Client.connect(system, 'us', 'mover', KEPT)
        expect(moved.sessionPresent).toBe(true)
        await moved.has(4)
        expect(moved.texts.filter((text) => text !== 'room')).toEqual(['a', 'b', 'c'])
        await moved.publish('rooms/moving/x', 'after')
        await moved.subscribe('devices/mover/state')
        await moved.has(6)
        expect([...moved.texts].sort()).toEqual(['a', 'after', 'b', 'c', 'on', 'room'])
        await moved.end()
      },
    }
  },

  'retained messages of both regions, for narrow and wide filters': async (system) => {
    for (const region of ['eu', 'us']) {
      const keeper = await Client.connect(system, region, `keeper-${region}`)
      await keeper.publish(`lamps/of-${region}/state`, `room of ${region}`, { qos: 1, retain: true })
      await keeper.publish(`devices/keeper-${region}/state`, `device of ${region}`, { qos: 1, retain: true })
      await keeper.end()
    }
    return {
      find: async () => {
        for (const region of ['eu', 'us']) {
          const narrow = await Client.connect(system, region, `narrow-${region}`)
          for (const home of ['eu', 'us']) await narrow.subscribe(`lamps/of-${home}/#`)
          await narrow.has(2)
          expect(narrow.got.every(({ packet }) => packet.retain)).toBe(true)
          const wide = await Client.connect(system, region, `wide-${region}`)
          await wide.subscribe('+/+/state')
          const wanted = ['device of eu', 'device of us', 'room of eu', 'room of us']
          await until(() => wanted.every((text) => wide.texts.includes(text)))
          await Promise.all([narrow.end(), wide.end()])
        }
      },
    }
  },

  'a wide filter, and what waits for it': async (system) => {
    const away = await Client.connect(system, 'us', 'wide-away', KEPT)
    await away.subscribe('wide/+/x')
    await away.end()
    const before = await Client.connect(system, 'eu', 'wide-before')
    for (const text of ['1', '2', '3']) await before.publish('wide/a/x', text)
    await before.end()
    return {
      find: async () => {
        const back = await Client.connect(system, 'us', 'wide-away', KEPT)
        expect(back.sessionPresent).toBe(true)
        await back.has(3)
        for (const region of ['eu', 'us']) {
          const publisher = await Client.connect(system, region, `wide-after-${region}`)
          await publisher.publish(`wide/${region}/x`, `from ${region}`)
          await publisher.end()
        }
        await back.has(5)
        expect(back.texts.slice(0, 3)).toEqual(['1', '2', '3'])
        await back.end()
      },
    }
  },

  'shared subscriptions, and what waits for their group': async (system) => {
    const filter = '$share/workers/jobs/state/#'
    const member = (region: string) => Client.connect(system, region, `member-${region}`, KEPT)
    for (const region of ['eu', 'us']) {
      const client = await member(region)
      await client.subscribe(filter)
      await client.end()
    }
    const publisher = await Client.connect(system, 'eu', 'job-publisher')
    for (let i = 0; i < 6; i++) await publisher.publish('jobs/state/x', `job ${i}`)
    await publisher.end()
    return {
      find: async () => {
        const members = await Promise.all(['eu', 'us'].map(member))
        expect(members.map(({ sessionPresent }) => sessionPresent)).toEqual([true, true])
        const texts = () => members.flatMap((one) => one.texts).sort()
        const wanted = Array.from({ length: 6 }, (_, i) => `job ${i}`)
        await until(() => texts().length >= 6)
        expect(texts()).toEqual(wanted)
        await members[0]?.publish('jobs/state/x', 'job 6')
        await until(() => texts().length >= 7)
        expect(texts()).toEqual([...wanted, 'job 6'])
        for (const one of members) await one.end()
      },
    }
  },

  'a will that waits for its delay': async (system) => {
    const watcher = await Client.connect(system, 'us', 'will-watcher', KEPT)
    await watcher.subscribe('devices/mortal/status')
    const mortal = await Raw.connect(system, 'eu', 'mortal', {
      clean: false,
      expiry: 3600,
      will: {
        topic: 'devices/mortal/status',
        payload: Buffer.from('gone'),
        qos: 1,
        retain: false,
        properties: { willDelayInterval: WILL_DELAY_S },
      },
    })
    let droppedAt = 0
    return {
      cutOff: async () => {
        droppedAt = Date.now()
        mortal.drop()
        await until(async () => (await presence(system, 'eu', 'mortal')).body.state === 'disconnected')
      },
      find: async (stoppedAt) => {
        expect(stoppedAt - droppedAt).toBeLessThan(WILL_DELAY_S * 1000)
        const back = await Client.connect(system, 'us', 'will-watcher', KEPT)
        await back.has(1, FIND_MS)
        expect([watcher.texts, back.texts]).toEqual([[], ['gone']])
        await back.end()
      },
    }
  },

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

  'an outbox that no core had taken from': async (system) => {
    const receiver = await Client.connect(system, 'eu', 'outbox-receiver', KEPT)
    await receiver.subscribe('rooms/outbox/#')
    const sender = await Client.connect(system, 'us', 'outbox-sender')
    await sender.publish('rooms/outbox/x', 'before')
    await receiver.has(1)
    await receiver.end()
    return {
      cutOff: async () => {
        for (const text of ['a', 'b', 'c']) await sender.publish('rooms/outbox/x', text)
        sender.drop()
      },
      find: async () => {
        const back = await Client.connect(system, 'eu', 'outbox-receiver', KEPT)
        await back.has(3, FIND_MS)
        expect(back.texts).toEqual(['a', 'b', 'c'])
        await back.end()
      },
    }
  },
}

async function service(
  system: System,
  where: string,
  path: string,
  request: Parameters<typeof ask>[4] = {},
): Promise<Answer> {
  return ask(system, where, await system.token('service'), path, request)
}

/** The last event of a client, asked by the client itself. */
async function presence(system: System, region: string, client: string): Promise<Answer> {
  return ask(system, region, await system.token(client), `/v1/clients/${client}/presence`)
}
