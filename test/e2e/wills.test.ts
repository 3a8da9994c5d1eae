// Wills on real workerd: of connections in quick succession, and of a client that begins anew in another region.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System

beforeAll(async () => {
  system = await System.start({ regions: ['eu', 'us'], presence: false })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const will = (topic: string, text: string, delay = 0) => ({
  topic,
  payload: Buffer.from(text),
  qos: 1 as const,
  retain: false,
  ...(delay > 0 && { properties: { willDelayInterval: delay } }),
})

async function watcherOf(topic: string, region = 'eu'): Promise<Raw> {
  const watcher = await Raw.connect(system, region, `watcher-${topic.replaceAll('/', '-')}`)
  watcher.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] })
  await watcher.gets('suback')
  return watcher
}

const textsOf = (raw: Raw) => raw.of('publish').map(({ payload }) => String(payload))

describe('wills of several connections', () => {
  describe.each([4, 5] as const)('MQTT version %i', (version) => {
    it('two wills in quick succession both come, in order, though the receiver acknowledges slowly [MQTT-3.1.2-8]', async () => {
      const topic = `wills/quick-${version}/x`
      const watcher = await watcherOf(topic)
      for (const text of ['first', 'second']) {
        const mortal = await Raw.connect(system, 'eu', `quick-${version}`, {
          version,
          clean: false,
          expiry: 60,
          will: will(topic, text),
        })
        mortal.drop()
        await sleep(30)
      }
      await until(() => watcher.of('publish').length === 2)
      await sleep(500)
      for (const { messageId = 0 } of watcher.of('publish')) watcher.send({ cmd: 'puback', messageId })
      expect(textsOf(watcher)).toEqual(['first', 'second'])
      watcher.drop()
    })
  })

  describe('a will with a delay, whose client connects with Clean Start 1 in another region', () => {
    it.each([true, false])('comes at once; the old connection is lost: %s [MQTT-3.1.2-8]', async (lost) => {
      const id = `fresh-${lost}`
      const topic = `wills/${id}/x`
      const watcher = await watcherOf(topic)
      const mortal = await Raw.connect(system, 'eu', id, {
        clean: false,
        expiry: 60,
        will: will(topic, 'gone', 30),
      })
      if (lost) mortal.drop()
      await sleep(200)
      const began = Date.now()
      const fresh = await Raw.connect(system, 'us', id)
      await until(() => watcher.of('publish').length === 1)
      expect(Date.now() - began).toBeLessThan(15_000)
      expect(textsOf(watcher)).toEqual(['gone'])
      for (const raw of [watcher, fresh, mortal]) raw.drop()
    })
  })
})
