import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { SYSTEM_START_MS, System } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start({ regions: ['eu', 'us', 'ap'] })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const REGIONS = ['eu', 'us', 'ap']

describe('a room whose members are in three regions', () => {
  it('every member sees the same order, and each publisher its own order', { timeout: 60_000 }, async () => {
    const members = await Promise.all(
      REGIONS.map((region) => Client.connect(system, region, `member-${region}`)),
    )
    for (const member of members) await member.subscribe('rooms/42/chat')
    const each = 100
    await Promise.all(
      members.map(async (member, m) => {
        // Not one after another: many are under way at once.
        await Promise.all(
          Array.from({ length: each }, (_, i) => member.publish('rooms/42/chat', `${REGIONS[m]} ${i}`)),
        )
      }),
    )
    for (const member of members) await member.has(3 * each, 20_000)
    const [first, ...others] = members.map(({ texts }) => texts)
    for (const other of others) expect(other).toEqual(first)
    for (const region of REGIONS) {
      expect(first?.filter((text) => text.startsWith(region))).toEqual(
        Array.from({ length: each }, (_, i) => `${region} ${i}`),
      )
    }
    for (const member of members) await member.end()
  })

  it('nothing published after SUBACK is missed, whatever region it comes from (promise 5)', {
    timeout: 60_000,
  }, async () => {
    const speakers = await Promise.all(
      REGIONS.map((region) => Client.connect(system, region, `speaker-${region}`)),
    )
    for (let round = 0; round < 12; round++) {
      const topic = `rooms/sub-${round}/x`
      const listener = await Client.connect(system, REGIONS[round % 3] as string, `listener-${round}`)
      await listener.subscribe(`rooms/sub-${round}/#`)
      await Promise.all(speakers.map((speaker, i) => speaker.publish(topic, String(i))))
      await listener.has(3)
      expect([...listener.texts].sort()).toEqual(['0', '1', '2'])
      await listener.end()
    }
    for (const speaker of speakers) await speaker.end()
  })

  it('a device command crosses from each region to each other', async () => {
    for (const [i, region] of REGIONS.entries()) {
      const id = `lamp-${region}`
      const lamp = await Client.connect(system, region, id)
      await lamp.subscribe(`devices/${id}/cmd/#`)
      const app = await Client.connect(system, REGIONS[(i + 1) % 3] as string, `app-of-${id}`)
      await app.publish(`devices/${id}/cmd/x`, 'go')
      await lamp.has(1)
      await lamp.end()
      await app.end()
    }
  })
})
