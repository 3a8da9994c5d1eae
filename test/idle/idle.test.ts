// Promise 8 on real workerd: what a client costs that is connected and silent.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACK_WAIT_MS } from '../../src/session/limits.ts'
import { Raw } from '../e2e/raw.ts'
import { type CountedEdge, startCountedEdge } from './counted-edge.ts'

/** workerd lets an actor hibernate after 10 s without an event. */
const HIBERNATES_MS = 12_000
/** The rounds are made again on a machine so busy that in one of them an acknowledgement was late. */
const ROUNDS_TRIES = 5

let edge: CountedEdge
beforeAll(async () => {
  edge = await startCountedEdge()
}, 60_000)
afterAll(() => edge?.stop())

const publish = (topic: string, payload: string) =>
  ({ cmd: 'publish', topic, payload, qos: 1, messageId: 7, dup: false, retain: false }) as const

describe('a client that is connected', () => {
  it('a silent client writes nothing and leaves no actor in memory; a PINGREQ and a message find it again', {
    timeout: 90_000,
  }, async () => {
    const idle = await Raw.connect(edge.system, 'eu', 'idle')
    idle.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/idle/cmd', qos: 1 }] })
    await idle.gets('suback')
    const connected = await edge.quiet()

    await sleep(HIBERNATES_MS)
    expect(await edge.counts()).toEqual(connected)

    // a PINGREQ to a hibernating actor is answered without touching storage
    idle.send({ cmd: 'pingreq' })
    await idle.gets('pingresp')
    const pinged = await edge.counts()
    expect(pinged).toEqual({ ...connected, made: connected.made + 1 })

    await sleep(HIBERNATES_MS)
    const talker = await Raw.connect(edge.system, 'eu', 'talker')
    talker.send(publish('devices/idle/cmd', 'wake up'))
    expect(await idle.gets('publish')).toMatchObject({ topic: 'devices/idle/cmd' })
    expect(await talker.gets('puback')).toMatchObject({ messageId: 7 })
    // The actor was made anew for the message, so it had left memory; what it needed stood in the attachment.
    expect((await edge.counts()).made).toBeGreaterThanOrEqual(pinged.made + 2)
    idle.drop()
    talker.drop()
  })

  it('a text frame to a sleeping actor ends the connection without building the device: no statement', {
    timeout: 90_000,
  }, async () => {
    const one = await Raw.connect(edge.system, 'eu', 'texts', { clean: false, expiry: 3600 })
    await edge.quiet()
    await sleep(HIBERNATES_MS)
    const before = await edge.counts()
    one.sendBytes('hello')
    // Its answer to the close would wake the device for the end of the connection.
    const link = (one.socket as unknown as { readonly _socket: { pause(): void; destroy(): void } })._socket
    link.pause()
    await sleep(1_000)
    expect(await edge.counts()).toEqual({ ...before, made: before.made + 1 })
    link.destroy()
  })

  it('five hundred that are silent wake nothing', { timeout: 90_000 }, async () => {
    const crowd: Raw[] = []
    for (let i = 0; i < 500; i += 50)
      crowd.push(
        ...(await Promise.all(
          Array.from({ length: 50 }, (_, j) => Raw.connect(edge.system, 'eu', `crowd-${i + j}`)),
        )),
      )
    await sleep(HIBERNATES_MS)
    const silent = await edge.counts()
    await sleep(HIBERNATES_MS)
    expect(await edge.counts()).toEqual(silent)
    for (const one of crowd) one.drop()
  })

  it('a session that ends with its connection writes four rows, of its presence, and sets no alarm once it is known', {
    timeout: 90_000,
  }, async () => {
    const first = await Raw.connect(edge.system, 'eu', 'known')
    first.send({ cmd: 'disconnect' })
    await first.closed()
    const before = await edge.quiet()
    const second = await Raw.connect(edge.system, 'eu', 'known')
    const connected = await edge.quiet()
    expect(connected.rows - before.rows).toBe(2)
    second.drop()
    const after = await edge.quiet()
    expect(after.rows - connected.rows).toBe(2)
    expect(after.alarms).toBe(before.alarms)
  })

  it('messages that are acknowledged in time write nothing', { timeout: 120_000 }, async () => {
    const listener = await Raw.connect(edge.system, 'eu', 'listener', { clean: false, expiry: 3600 })
    listener.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'devices/listener/cmd', qos: 1 }],
    })
    await listener.gets('suback')
    const talker = await Raw.connect(edge.system, 'eu', 'talker-2')
    let rounds = 0
    /** How long it took, which is longer than the actor waited for PUBACK. */
    const round = async () => {
      const i = ++rounds
      const from = performance.now()
      talker.send({ ...publish('devices/listener/cmd', `m${i}`), messageId: i })
      const { messageId } = await listener.gets('publish', i)
      listener.send({ cmd: 'puback', messageId: messageId ?? 0 })
      await talker.gets('puback', i)
      return performance.now() - from
    }
    // The first message of a shard lets its WideActor learn, once for ever, what the other regions want.
    await round()
    for (let left = ROUNDS_TRIES; ; left--) {
      await edge.quiet()
      // The first message after a silence finds some of its way asleep.
      await round()
      const before = await edge.counts()
      let longest = 0
      for (let i = 0; i < 50; i++) longest = Math.max(longest, await round())
      if (longest >= ACK_WAIT_MS && left > 1) continue
      expect(await edge.counts()).toEqual(before)
      break
    }
    listener.drop()
    talker.drop()
  })
})
