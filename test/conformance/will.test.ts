// The will: when it is published, when it is not, and as what.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Raw } from '../e2e/raw.ts'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'
import { framed, wire } from '../mqtt/wire.ts'
import {
  connected,
  type Fields,
  LEVELS,
  type Level,
  leave,
  listen,
  published,
  subscribed,
  tags,
} from './peer.ts'

let system: System
let app: Raw
beforeAll(async () => {
  system = await System.start({ regions: ['eu'] })
  app = await connected(system, 'app')
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const topicOf = (id: string) => `rooms/${id}/will`

/** A client with a will, and someone who watches for it. */
async function mortal(id: string, level: Level, fields: Fields = {}, will: object = {}) {
  const watcher = await connected(system, `watcher-${id}`)
  await subscribed(watcher, topicOf(id), { rap: true })
  const raw = await connected(system, id, {
    level,
    will: { topic: topicOf(id), payload: Buffer.from('will'), qos: 1, retain: false, ...will },
    ...fields,
  })
  return { watcher, raw }
}

/** What the watcher has got when a message that was published after all else has come; acknowledged or not. */
async function seen(watcher: Raw, id: string): Promise<string[]> {
  await published(app, topicOf(id), 'mark')
  for (let count = 1; !watcher.texts.includes('mark'); count++) await watcher.gets('publish', count)
  return watcher.texts.filter((text) => text !== 'mark')
}

describe.each(LEVELS)('the will of $version', ({ level }) => {
  const ends: [how: string, end: (raw: Raw, id: string) => unknown][] = [
    ['breaks off', (raw) => raw.drop()],
    ['is closed without DISCONNECT', (raw) => raw.socket.close()],
    ['ends by a breach of the protocol', (raw) => raw.sendBytes(wire('c1 00'))],
    ['ends by a text frame', (raw) => raw.sendBytes('hello')],
    ['is taken over', async (_raw, id) => (await connected(system, id, { level })).drop()],
  ]
  it.each(ends)(
    `is published when the connection %s${tags(level, '3.1.2-7 3.1.2-8', '3.1.2-8')}`,
    async (_how, end) => {
      const id = `ended-${level}`
      const { watcher, raw } = await mortal(id, level)
      await end(raw, id)
      await watcher.gets('publish')
      expect(watcher.texts).toEqual(['will'])
      watcher.drop()
    },
  )

  it(`is void after DISCONNECT${tags(level, '3.1.2-8 3.1.2-10 3.14.4-3', '3.1.2-8 3.1.2-10 3.14.4-3')}`, async () => {
    const id = `void-${level}`
    const { watcher, raw } = await mortal(id, level)
    await leave(raw)
    expect(await seen(watcher, id)).toEqual([])
    watcher.drop()
  })

  it(`is published once, and not for a later connection that has none${tags(level, '3.1.2-10', '3.1.2-10 3.1.2-12')}`, async () => {
    const id = `once-${level}`
    const { watcher, raw } = await mortal(id, level)
    raw.drop()
    await watcher.gets('publish')
    const later = await connected(system, id, { level })
    later.sendBytes('breach')
    await later.closed()
    expect(await seen(watcher, id)).toEqual(['will'])
    watcher.drop()
  })

  it(`is not retained with Will Retain 0${tags(level, '3.1.2-14', '3.1.2-16')}`, async () => {
    const id = `passing-${level}`
    const { watcher, raw } = await mortal(id, level)
    raw.drop()
    expect(await watcher.gets('publish')).toMatchObject({ retain: false })
    const late = await connected(system, `late-${id}`)
    await subscribed(late, topicOf(id))
    expect(await seen(late, id)).toEqual([])
    late.drop()
    watcher.drop()
  })

  it(`is retained with Will Retain 1${tags(level, '3.1.2-15', '3.1.2-17')}`, async () => {
    const id = `kept-${level}`
    const { watcher, raw } = await mortal(id, level, {}, { retain: true })
    raw.drop()
    expect(await watcher.gets('publish')).toMatchObject({ retain: true })
    const late = await connected(system, `late-${id}`)
    await subscribed(late, topicOf(id))
    expect(await late.gets('publish')).toMatchObject({ retain: true, qos: 1 })
    expect(late.texts).toEqual(['will'])
    late.drop()
    watcher.drop()
  })
})

describe('the will of 5.0', () => {
  it.each([0x04, 0x80, 0x81, 0x83, 0x97])(
    'is published after DISCONNECT with reason %i, which is not 0 [MQTT-3.1.2-8]',
    async (reason) => {
      const { watcher, raw } = await mortal('reason', 5)
      await leave(raw, reason)
      await watcher.gets('publish')
      expect(watcher.texts).toEqual(['will'])
      watcher.drop()
    },
  )

  const kept = (seconds: number): Fields => ({
    clean: false,
    properties: { sessionExpiryInterval: seconds },
  })

  it('with a delay is published when that is over, and not before [MQTT-3.1.2-8]', async () => {
    const { watcher, raw } = await mortal('delayed', 5, kept(60), { properties: { willDelayInterval: 1 } })
    raw.drop()
    expect(await seen(watcher, 'delayed')).toEqual([])
    await watcher.gets('publish', 2)
    expect(watcher.texts).toEqual(['mark', 'will'])
    watcher.drop()
  })

  it('with a delay beyond the end of its session is published at that end [MQTT-3.1.2-8]', async () => {
    const { watcher, raw } = await mortal('short', 5, kept(1), { properties: { willDelayInterval: 3_600 } })
    raw.drop()
    await watcher.gets('publish')
    expect(watcher.texts).toEqual(['will'])
    watcher.drop()
  })

  it('with a delay is void when its client is back before that is over [MQTT-3.1.3-9] [MQTT-3.1.2-8]', async () => {
    const { watcher, raw } = await mortal('back', 5, kept(60), { properties: { willDelayInterval: 1 } })
    raw.drop()
    const back = await connected(system, 'back', kept(60))
    expect(back.of('connack')[0]).toMatchObject({ sessionPresent: true })
    const later = await connected(system, 'later', { ...kept(60), will: laterWill('back') })
    later.drop()
    // Another client's will with the same delay, begun later, shows that the time is over.
    await watcher.gets('publish')
    expect(watcher.texts).toEqual(['later'])
    back.drop()
    watcher.drop()
  })

  it('with a delay is published at once when a clean start ends its session [MQTT-3.1.2-8]', async () => {
    const { watcher, raw } = await mortal('restarted', 5, kept(60), {
      properties: { willDelayInterval: 3_600 },
    })
    raw.drop()
    const back = await connected(system, 'restarted', { clean: true })
    await watcher.gets('publish')
    expect(watcher.texts).toEqual(['will'])
    back.drop()
    watcher.drop()
  })

  it('keeps its user properties, in their order [MQTT-3.1.3-10] [MQTT-3.1.2-9]', async () => {
    const pairs = "26 0001 'b' 0001 '1' 26 0001 'a' 0001 '2' 26 0001 'b' 0001 '3'"
    const watcher = await connected(system, 'watcher-ordered')
    await subscribed(watcher, 'rooms/ordered/will')
    const frames = listen(watcher)
    const token = await system.token('ordered')
    const length = token.length.toString(16).padStart(4, '0')
    const raw = await Raw.open(system, 'eu', '/ordered')
    raw.sendBytes(
      framed(
        0x10,
        `0004 'MQTT' 05 c6 0000 00 0007 'ordered' 15 ${pairs} 0012 'rooms/ordered/will' 0001 'w' 0001 'x' ${length} '${token}'`,
      ),
    )
    expect(await raw.gets('connack')).toMatchObject({ reasonCode: 0 })
    raw.drop()
    await watcher.gets('publish')
    expect(Buffer.concat(frames).includes(Buffer.from(wire(pairs)))).toBe(true)
    watcher.drop()
  })
})

function laterWill(id: string) {
  return {
    topic: topicOf(id),
    payload: Buffer.from('later'),
    qos: 1,
    retain: false,
    properties: { willDelayInterval: 1 },
  } as const
}
