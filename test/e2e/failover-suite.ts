// A region is lost for a while, or for ever: its clients go on in another one, and nothing is lost when it is back.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, type SystemOptions, until } from './system.ts'

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const TEN = Array.from({ length: 10 }, (_, i) => `m${i}`)
const FAIL_OVER_TEST_MS = 180_000
/** An old region is asked again at most this late after it is back. */
const RETURN_MS = 90_000

/** What the core's store has of a root: how many deliveries, and its session as JSON. */
export interface InStore {
  readonly queued: number
  readonly session: string
}

/** @param look into the store of a running system */
export function describeFailOver(
  name: string,
  options: () => Promise<SystemOptions>,
  look: (system: System, root: string) => Promise<InStore>,
  skip = false,
): void {
  describe.skipIf(skip)(`a region that does not answer, with ${name}`, () => {
    let system: System
    beforeAll(async () => {
      system = await System.start(await options())
    }, SYSTEM_START_MS)
    afterAll(() => system?.stop())

    async function synced(client: string, filter: string, queued: number): Promise<void> {
      await until(async () => {
        const found = await look(system, `devices/${client}`)
        return found.session.includes(`"${filter}"`) && found.queued === queued
      })
    }

    it('its client goes on elsewhere with its session; when it is back it gives way, and its remainder comes later', {
      timeout: FAIL_OVER_TEST_MS,
    }, async () => {
      const app = await Client.connect(system, 'us', 'app', KEPT)
      await app.subscribe('rooms/us-home/app')
      const local = await Client.connect(system, 'eu', 'local', KEPT)
      await local.subscribe('rooms/eu-home/local')
      await local.subscribe('devices/lamp/state')
      // It would be told, had the client not gone on elsewhere.
      const will = {
        topic: 'rooms/eu-home/lamp',
        payload: Buffer.from('offline'),
        qos: 1,
        retain: true,
      } as const
      const lamp = await Raw.connect(system, 'eu', 'lamp', { clean: false, expiry: 3600, will })
      const filters = ['devices/lamp/cmd/#', 'rooms/us-home/#', 'rooms/eu-home/#', '+/wide/#']
      lamp.send({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })),
      })
      await lamp.gets('suback')
      // It acknowledges none, so they wait in its queue.
      for (const text of TEN) await app.publish('devices/lamp/cmd/x', text)
      await synced('lamp', '+/wide/#', 10)
      await local.publish('devices/lamp/cmd/x', 'unsynced')
      const thaw = await system.freeze('eu')
      let moved: Client
      try {
        expect((await look(system, 'devices/lamp')).queued).toBe(10)
        moved = await Client.connect(system, 'us', 'lamp', KEPT)
        expect(moved.sessionPresent).toBe(true)
        await moved.has(10)
        expect(moved.texts).toEqual(TEN)
        await app.publish('devices/lamp/cmd/x', 'own root')
        await app.publish('rooms/us-home/x', 'room')
        await app.publish('devices/lamp/state', 'on', { qos: 1, retain: true })
        await moved.has(12)
        expect(moved.texts.slice(10).sort()).toEqual(['own root', 'room'])
        expect(local.texts).toEqual([])
      } finally {
        thaw()
      }
      await lamp.closed(RETURN_MS)
      expect(lamp.of('disconnect')).toMatchObject([{ reasonCode: 0x8e }])
      await until(() => moved.texts.includes('unsynced'), RETURN_MS)
      // The subscriptions that needed the lost region are there too.
      await app.publish('rooms/eu-home/x', 'room of eu')
      await until(() => moved.texts.includes('room of eu'))
      await app.publish('any/wide/x', 'wide')
      await until(() => moved.texts.includes('wide'))
      // Who has subscribed in the old home's region hears of it, from the new one.
      await until(() => local.texts.includes('on'), RETURN_MS)
      expect(new Set(moved.texts)).toEqual(
        new Set([...TEN, 'own root', 'room', 'unsynced', 'room of eu', 'wide']),
      )
      for (const client of [moved, app, local]) await client.end()
    })

    it('connects in both regions around its return end with exactly one', {
      timeout: FAIL_OVER_TEST_MS,
    }, async () => {
      const first = await Client.connect(system, 'eu', 'twin', KEPT)
      await first.subscribe('devices/twin/cmd')
      await synced('twin', 'devices/twin/cmd', 0)
      await first.end()
      const thaw = await system.freeze('eu')
      const clients: Client[] = []
      try {
        clients.push(await Client.connect(system, 'us', 'twin', KEPT))
        clients.push(await Client.begin(system, 'eu', 'twin', KEPT))
        clients.push(await Client.begin(system, 'us', 'twin', KEPT))
      } finally {
        thaw()
      }
      clients.push(await Client.begin(system, 'eu', 'twin', KEPT))
      const connected = () => clients.filter(({ mqtt }) => mqtt.connected)
      const answered = () => clients.every(({ connects, errors }) => connects + errors.length > 0)
      await until(() => answered() && connected().length === 1, RETURN_MS)
      // It is the one that gets what is published, wherever.
      const apps = await Promise.all(
        ['eu', 'us'].map((region) => Client.connect(system, region, `apps-${region}`)),
      )
      for (const app of apps) await app.publish('devices/twin/cmd', app.mqtt.options.clientId ?? '')
      await until(() => connected().length === 1 && new Set(connected()[0]?.texts).size === 2, RETURN_MS)
      for (const client of [...connected(), ...apps]) await client.end()
    })

    it('is lost for ever: nothing that a publisher with durability global had acknowledged is', {
      timeout: FAIL_OVER_TEST_MS,
    }, async () => {
      const meter = await Client.connect(system, 'eu', 'meter', KEPT)
      await meter.subscribe('devices/meter/cmd')
      await meter.end()
      await synced('meter', 'devices/meter/cmd', 0)
      const token = await system.token('careful', { durability: 'global' })
      const careful = await Client.connect(system, 'eu', 'careful', { token })
      const front = await Client.connect(system, 'us', 'careful-2', {
        token: await system.token('careful-2', { durability: 'global' }),
      })
      for (const text of TEN) {
        await careful.publish('devices/meter/cmd', text)
        await front.publish('devices/meter/cmd', `${text} from us`)
      }
      const thaw = await system.freeze('eu')
      try {
        const moved = await Client.connect(system, 'us', 'meter', KEPT)
        await moved.has(20)
        expect(moved.texts).toEqual(TEN.flatMap((text) => [text, `${text} from us`]))
        await moved.end()
        await front.end()
      } finally {
        thaw()
      }
      await careful.end()
    })
  })
}
