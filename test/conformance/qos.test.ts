// QoS 0 and 1 towards a client: identifiers, what stays unacknowledged, what is sent again, the lower of two QoS.
import { describe, expect, it } from 'vitest'
import type { Raw } from '../e2e/raw.ts'
import { until } from '../e2e/system.ts'
import { both, fresh, freshRoot, KEPT, place, tags, type Version } from './place.ts'

const { connect, connectAs } = place()

/** A kept session that was sent messages, one for each text. */
async function sent(version: Version, texts: readonly string[], properties = {}) {
  const [id, topic] = [fresh('kept'), `${freshRoot()}/a`]
  const to = await connectAs(id, { version, ...KEPT })
  await to.subscribe(topic)
  const from = await connect({ version })
  await Promise.all(texts.map((text) => from.published(topic, text, version === 5 ? { properties } : {})))
  return { id, topic, to, from, messages: await to.has(texts.length) }
}

const seen = (raw: Raw) =>
  raw.messages.map(({ payload, messageId, dup }) => [String(payload), messageId, dup])

describe('messages at QoS 1', () => {
  both(
    'that are under way at once have identifiers of their own, above 0, and DUP 0',
    '4.3.2-1 4.3.2-2 2.2.1-4',
    '4.3.2-1 2.3.1-4',
    async (version) => {
      const { messages } = await sent(
        version,
        Array.from({ length: 100 }, (_, i) => String(i)),
      )
      const ids = new Set(messages.map(({ messageId }) => messageId))
      expect(ids.size).toBe(100)
      expect([...ids].every((id) => id > 0)).toBe(true)
      expect(messages.every(({ dup, qos }) => !dup && qos === 1)).toBe(true)
    },
  )

  both(
    'are sent again when the session is taken up: those without PUBACK, with their identifiers, DUP 1, in their order',
    '3.3.1-1 4.3.2-3 4.4.0-1 4.6.0-1',
    '3.3.1-1 4.3.2-1 4.4.0-1 4.6.0-1',
    async (version) => {
      const { id, topic, to, from, messages } = await sent(version, ['a', 'b', 'c', 'd'])
      to.answer('puback', messages[1]?.messageId ?? 0)
      await to.ping()
      to.drop()
      const back = await connectAs(id, { version, ...KEPT })
      await from.published(topic, 'new')
      await back.has(4)
      expect(seen(back).slice(0, 3)).toEqual([
        ['a', messages[0]?.messageId, true],
        ['c', messages[2]?.messageId, true],
        ['d', messages[3]?.messageId, true],
      ])
      expect(seen(back).slice(3)).toEqual([['new', expect.any(Number), false]])
    },
  )

  both(
    'are sent again as often as the session is taken up, until they are acknowledged',
    '4.3.2-3 4.4.0-1',
    '4.3.2-1 4.4.0-1',
    async (version) => {
      const { id, to, messages } = await sent(version, ['a'])
      to.drop()
      for (let i = 0; i < 3; i++) {
        const back = await connectAs(id, { version, ...KEPT })
        await back.has(1)
        expect(seen(back)).toEqual([['a', messages[0]?.messageId, true]])
        back.drop()
      }
      const last = await connectAs(id, { version, ...KEPT })
      last.answer('puback', (await last.has(1))[0]?.messageId ?? 0)
      await last.leave()
      const done = await connectAs(id, { version, ...KEPT })
      await done.ping()
      expect(done.messages).toEqual([])
    },
  )

  it('are not sent again while the connection stands [MQTT-4.4.0-1]', async () => {
    const { to } = await sent(5, ['a'])
    const began = Date.now()
    // The publisher has its PUBACK, so the message is durable by now; a broker that repeats would within this time.
    await until(() => Date.now() - began > 1_000)
    await to.ping()
    expect(to.texts).toEqual(['a'])
  })

  it('are not sent again after a PUBACK that refuses them [MQTT-4.4.0-2]', async () => {
    const { id, to, messages } = await sent(5, ['a', 'b'])
    to.answer('puback', messages[0]?.messageId ?? 0, 0x83)
    await to.ping()
    to.drop()
    const back = await connectAs(id, KEPT)
    await back.has(1)
    await back.ping()
    expect(back.texts).toEqual(['b'])
  })

  // Outgoing.refill drops what has expired although it was sent before: only what was never sent may expire.
  it('are sent again though they expired after they were first sent [MQTT-4.4.0-1]', async () => {
    const { id, to } = await sent(5, ['brief'], { messageExpiryInterval: 1 })
    const began = Date.now()
    to.drop()
    await until(() => Date.now() - began > 1_100)
    const back = await connectAs(id, KEPT)
    await back.ping()
    expect(back.texts).toEqual(['brief'])
  })

  it.each([5, 4] as const)('a PUBACK too many is no offence, in version %i', async (version) => {
    const { to, messages } = await sent(version, ['a'])
    for (let i = 0; i < 2; i++) to.answer('puback', messages[0]?.messageId ?? 0)
    await to.ping()
    expect(to.closeCode).toBeNull()
  })
})

describe('a message goes out at the lower of its QoS and the granted one', () => {
  const lower = async (version: Version, published: 0 | 1 | 2, wanted: 0 | 1 | 2) => {
    const topic = `${freshRoot()}/a`
    const to = await connect({ version })
    expect(await to.subscribe(topic, { qos: wanted })).toEqual([wanted])
    await (await connect({ version })).published(topic, 'x', { qos: published })
    expect((await to.has(1))[0]?.qos).toBe(Math.min(published, wanted))
  }
  for (const published of [0, 1, 2] as const)
    for (const wanted of [0, 1, 2] as const)
      both(`QoS ${published} to a subscription of QoS ${wanted}`, '3.8.4-8', '3.8.4-6', (version) =>
        lower(version, published, wanted),
      )
})

describe('a message reaches', () => {
  both(
    'every session with a matching subscription, connected or not, after it was accepted',
    '4.5.0-1',
    '4.5.0-1 3.1.2-5',
    async (version) => {
      const root = freshRoot()
      const away = fresh('away')
      const leaving = await connectAs(away, { version, ...KEPT })
      await leaving.subscribe(`${root}/+`)
      await leaving.leave()
      const here = await Promise.all([connect({ version }), connect({ version }), connect({ version })])
      await Promise.all(here.map((one, i) => one.subscribe(i === 0 ? `${root}/#` : `${root}/a`)))
      const from = await connect({ version })
      await from.published(`${root}/a`, 'x')
      for (const to of [...here, await connectAs(away, { version, ...KEPT })]) {
        await to.has(1)
        expect(to.texts).toEqual(['x'])
      }
    },
  )

  both(
    'its subscribers though its publisher left in the same breath',
    '4.5.0-1',
    '4.5.0-1',
    async (version) => {
      const topic = `${freshRoot()}/a`
      const to = await connect({ version })
      await to.subscribe(topic)
      const from = await connect({ version })
      const packet = { cmd: 'publish', topic, dup: false, retain: false } as const
      from.sendBytes(
        Buffer.concat([
          from.bytes({ ...packet, qos: 1, messageId: 1, payload: 'one' }),
          from.bytes({ ...packet, qos: 0, payload: 'zero' }),
          from.bytes({ cmd: 'disconnect', reasonCode: 0 }),
        ]),
      )
      await to.has(2)
      expect(to.texts).toEqual(['one', 'zero'])
    },
  )

  both(
    'a client that overlaps by several subscriptions at the highest QoS among them',
    '3.3.4-2',
    '3.3.5-1',
    async (version) => {
      const root = freshRoot()
      const to = await connect({ version })
      await to.subscribe([
        { topic: `${root}/a`, qos: 0 },
        { topic: `${root}/+`, qos: 1 },
        { topic: `${root}/#`, qos: 0 },
      ])
      await (await connect({ version })).published(`${root}/a`, 'x')
      await to.has(1)
      expect(Math.max(...to.messages.map(({ qos }) => qos))).toBe(1)
    },
  )

  it(`it with the Subscription Identifiers of all of them, in one copy${tags(5, '3.3.4-3 3.3.4-4')}`, async () => {
    const root = freshRoot()
    const to = await connect()
    await to.subscribe(`${root}/a`, {}, 1)
    await to.subscribe(`${root}/+`, {}, 268_435_455)
    await to.subscribe(`${root}/a/#`)
    await to.subscribe(`${root}/b`, {}, 3)
    const from = await connect()
    await from.published(`${root}/a`, 'x')
    await from.published(`${root}/b/c`, 'nobody')
    await from.published(`${root}/b`, 'end')
    const [first, second] = await to.has(2)
    expect(first?.properties?.subscriptionIdentifier).toEqual(expect.arrayContaining([1, 268_435_455]))
    expect(first?.properties?.subscriptionIdentifier).toHaveLength(2)
    expect(second?.properties?.subscriptionIdentifier).toEqual(expect.arrayContaining([268_435_455, 3]))
    expect(to.texts).toEqual(['x', 'end'])
  })

  it(`a session that was away with its Subscription Identifiers, retained too${tags(5, '3.3.4-3')}`, async () => {
    const topic = `${freshRoot()}/a`
    const id = fresh('away')
    const leaving = await connectAs(id, KEPT)
    await leaving.subscribe(topic, {}, 7)
    await leaving.leave()
    const from = await connect()
    await from.published(topic, 'x', { retain: true })
    const back = await connectAs(id, KEPT)
    await back.has(1)
    await back.subscribe(topic, {}, 8)
    expect((await back.has(2)).map(({ properties }) => properties?.subscriptionIdentifier)).toEqual([7, 8])
  })
})
