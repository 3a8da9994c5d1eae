// A device's topics, published to and subscribed to by other devices: its actor is leaf and subscriber at once.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Client } from './client.ts'
import { SYSTEM_START_MS, System } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start({ regions: ['eu'] })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

it('a device that has published to another’s topics still delivers its own to that one', async () => {
  const [lamp, phone, app] = await Promise.all(
    ['lamp', 'phone', 'app'].map((id) => Client.connect(system, 'eu', id)),
  )
  if (lamp === undefined || phone === undefined || app === undefined) throw new Error('not connected')
  // The lamp's actor calls the phone's as a leaf, and then as a subscriber.
  await lamp.publish('devices/phone/cmd', 'ring')
  await phone.subscribe('devices/lamp/#')
  await app.publish('devices/lamp/state', 'on')
  await phone.has(1)
  expect(phone.texts).toEqual(['on'])
  for (const client of [lamp, phone, app]) await client.end()
})
