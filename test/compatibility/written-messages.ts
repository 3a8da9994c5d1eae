// What a state folder has of messages and sessions: written by one release, found by another.
import { expect } from 'vitest'
import { Client } from '../e2e/client.ts'
import { Raw } from '../e2e/raw.ts'
import { until } from '../e2e/system.ts'
import { FIND_MS, KEPT, presence, type States } from './written.ts'

/** Past the stop and the start of everything on a busy machine. */
const WILL_DELAY_S = 20

export const MESSAGES: States = {
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
