// Topic aliases: from a client to the server, and from the server to a client that allows them.
import { describe, expect, it } from 'vitest'
import type { Raw } from '../e2e/raw.ts'
import { framed } from '../mqtt/wire.ts'
import { fresh, freshRoot, place, refused, tags } from './place.ts'

const { connect, connectAs } = place()

const maximumOf = (raw: Raw) =>
  (raw.packets[0] as { properties?: { topicAliasMaximum?: number } }).properties?.topicAliasMaximum ?? 0

const alias = (topicAlias: number) => ({ properties: { topicAlias } })

describe('a Topic Alias of a client', () => {
  it(`is offered up to 16 in CONNACK, and each of them works at every QoS${tags(5, '3.3.2-12')}`, async () => {
    const root = freshRoot()
    const to = await connect()
    await to.subscribe(`${root}/#`)
    const from = await connect()
    expect(maximumOf(from)).toBe(16)
    for (let i = 1; i <= 16; i++) await from.published(`${root}/${i}`, 'named', alias(i))
    for (let i = 1; i <= 16; i++) await from.published('', 'by alias', { qos: (i % 2) as 0 | 1, ...alias(i) })
    await to.has(32)
    expect(to.messages.slice(16).map(({ topic }) => topic)).toEqual(
      Array.from({ length: 16 }, (_, i) => `${root}/${i + 1}`),
    )
    expect(to.messages.every(({ properties }) => properties?.topicAlias === undefined)).toBe(true)
  })

  it(`may be given to another topic${tags(5, '3.3.2-12')}`, async () => {
    const root = freshRoot()
    const to = await connect()
    await to.subscribe(`${root}/#`)
    const from = await connect()
    for (const topic of [`${root}/a`, '', `${root}/b`, '']) await from.published(topic, 'x', alias(1))
    await to.has(4)
    expect(to.messages.map(({ topic }) => topic.slice(-1))).toEqual(['a', 'a', 'b', 'b'])
  })

  it(`is its own: another client may use the number for another topic${tags(5, '3.3.2-12')}`, async () => {
    const root = freshRoot()
    const to = await connect()
    await to.subscribe(`${root}/#`)
    const [one, other] = [await connect(), await connect()]
    await one.published(`${root}/one`, 'x', alias(1))
    await other.published(`${root}/other`, 'x', alias(1))
    await one.published('', 'x', alias(1))
    await other.published('', 'x', alias(1))
    await to.has(4)
    expect(to.messages.slice(2).map(({ topic }) => topic)).toEqual([`${root}/one`, `${root}/other`])
  })

  it(`does not outlive the connection: it is a Protocol Error in the next one${tags(5, '3.3.2-7')}`, async () => {
    const id = fresh('kept')
    const from = await connectAs(id, { clean: false, expiry: 300 })
    await from.published(`${freshRoot()}/a`, 'x', alias(1))
    await from.leave()
    const again = await connectAs(id, { clean: false, expiry: 300 })
    await refused(again, again.bytes({ ...QOS_0, properties: { topicAlias: 1 } }), 0x82)
  })

  it('that was never given a topic is a Protocol Error', async () => {
    const from = await connect()
    await refused(from, from.bytes({ ...QOS_0, properties: { topicAlias: 5 } }), 0x82)
  })

  it(`above the maximum ends the connection with 0x94${tags(5, '3.3.2-9 3.2.2-17 3.2.2-18')}`, async () => {
    const from = await connect()
    const properties = { topicAlias: maximumOf(from) + 1 }
    await refused(from, from.bytes({ ...QOS_0, topic: 'a/b', properties }), 0x94)
  })

  it(`of 0 ends the connection with 0x94${tags(5, '3.3.2-8')}`, async () => {
    await refused(await connect(), framed(0x30, "0003 'a/b' 03 23 0000"), 0x94)
  })
})

const QOS_0 = { cmd: 'publish', topic: '', payload: 'x', qos: 0, dup: false, retain: false } as const

describe('towards a client', () => {
  /** The topics as a client understands them. */
  function understood(raw: Raw): string[] {
    const known = new Map<number, string>()
    return raw.messages.map(({ topic, properties }) => {
      const number = properties?.topicAlias
      if (number === undefined) return topic
      if (topic !== '') known.set(number, topic)
      return known.get(number) ?? `unknown ${number}`
    })
  }

  /** What a client is sent of twenty messages on five topics. */
  async function sent(maximum: number | undefined) {
    const root = freshRoot()
    const to = await connect(maximum === undefined ? {} : { properties: { topicAliasMaximum: maximum } })
    await to.subscribe(`${root}/#`)
    const from = await connect()
    const topics = Array.from({ length: 20 }, (_, i) => `${root}/${'x'.repeat(20)}/${i % 5}`)
    for (const topic of topics) await from.published(topic, 'x')
    await to.has(20)
    expect(understood(to)).toEqual(topics)
    return to.messages.map(({ properties }) => properties?.topicAlias)
  }

  it.each([undefined, 0])(
    `that gave a Topic Alias Maximum of %j no alias is sent${tags(5, '3.1.2-27')}`,
    async (maximum) => {
      expect(new Set(await sent(maximum))).toEqual(new Set([undefined]))
    },
  )

  it(`no alias is above its maximum, nor 0${tags(5, '3.1.2-26 3.3.2-11 3.3.2-8')}`, async () => {
    const aliases = (await sent(2)).filter((number) => number !== undefined)
    expect(aliases.filter((number) => number < 1 || number > 2)).toEqual([])
  })

  it('that allows aliases they are used, for as many topics as it allows', async () => {
    expect(new Set((await sent(5)).filter((number) => number !== undefined)).size).toBeGreaterThan(1)
  })

  it(`aliases begin anew with each connection${tags(5, '3.3.2-7')}`, async () => {
    const topic = `${freshRoot()}/${'x'.repeat(50)}`
    const id = fresh('kept')
    const options = { clean: false, expiry: 300, properties: { topicAliasMaximum: 5 } }
    const from = await connect()
    const first = await connectAs(id, options)
    await first.subscribe(topic)
    for (let i = 0; i < 3; i++) await from.published(topic, 'x')
    await first.has(3)
    expect(first.messages.some(({ properties }) => properties?.topicAlias !== undefined)).toBe(true)
    first.drop()
    const second = await connectAs(id, options)
    await from.published(topic, 'x')
    await second.has(4)
    expect(new Set(understood(second))).toEqual(new Set([topic]))
  })
})
