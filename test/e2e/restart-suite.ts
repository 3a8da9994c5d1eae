// What must be there after everything was stopped and started again; run over each store.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { SYSTEM_START_MS, System, type SystemOptions } from './system.ts'

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }

export function describeRestart(name: string, options: () => Promise<SystemOptions>, skip = false): void {
  describe.skipIf(skip)(`after a restart of everything, with ${name}`, () => {
    let system: System
    beforeAll(async () => {
      system = await System.start(await options())
    }, SYSTEM_START_MS)
    afterAll(() => system?.stop())

    it('sessions, queued and retained messages, homes and tokens are there', {
      timeout: 120_000,
    }, async () => {
      const device = await Client.connect(system, 'eu', 'survivor', KEPT)
      await device.subscribe('devices/survivor/cmd/#')
      await device.subscribe('rooms/far/#')
      await device.end()
      const app = await Client.connect(system, 'us', 'app', KEPT)
      await app.subscribe('rooms/far/#')
      await app.publish('rooms/far/kept', 'retained', { qos: 1, retain: true })
      await app.publish('devices/survivor/cmd/x', 'queued')
      const token = await system.token('survivor')
      await app.end()

      await system.down()
      await system.up()

      const back = await Client.connect(system, 'eu', 'survivor', { ...KEPT, token })
      expect(back.sessionPresent).toBe(true)
      await back.has(2)
      expect([...back.texts].sort()).toEqual(['queued', 'retained'])
      const again = await Client.connect(system, 'us', 'app', KEPT)
      // Interest, homes and subscriptions still hold: both hear of a message from either side.
      await again.publish('rooms/far/x', 'from us')
      await back.publish('rooms/far/x', 'from eu')
      await back.has(4)
      await again.has(2)
      expect(again.texts).toEqual(['from us', 'from eu'])
      const late = await Client.connect(system, 'eu', 'late')
      await late.subscribe('rooms/far/kept')
      await late.has(1)
      expect(late.got[0]).toMatchObject({ text: 'retained', packet: { retain: true } })
      for (const client of [back, again, late]) await client.end()
    })

    it('a workerd process that is killed forgets no session and no retained message', {
      timeout: 120_000,
    }, async () => {
      const device = await Client.connect(system, 'eu', 'killed', KEPT)
      await device.subscribe('devices/killed/#')
      const app = await Client.connect(system, 'us', 'killer', KEPT)
      await app.publish('devices/killed/state', 'on', { qos: 1, retain: true })
      await device.has(1)
      await system.killAndWait('eu')
      await app.publish('devices/killed/cmd', 'while away')
      const back = await Client.connect(system, 'eu', 'killed', KEPT)
      expect(back.sessionPresent).toBe(true)
      await back.has(1)
      expect(back.texts).toContain('while away')
      await back.end()
      await app.end()
    })
  })
}
