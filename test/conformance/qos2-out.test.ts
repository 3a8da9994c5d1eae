// QoS 2 from the server to a client: PUBLISH, PUBREC, PUBREL, PUBCOMP, whenever the connection breaks in between.
import { describe, expect, it } from 'vitest'
import type { Raw } from '../e2e/raw.ts'
import { until } from '../e2e/system.ts'
import { both, fresh, freshRoot, KEPT, place, tags, type Version } from './place.ts'

const { connect, connectAs } = place()

/** A kept session that was sent messages at QoS 2, one for each text. */
async function sent(version: Version, texts: readonly string[], properties = {}) {
  const [id, topic] = [fresh('kept'), `${freshRoot()}/a`]
  const to = await connectAs(id, { version, ...KEPT })
  expect(await to.subscribe(topic, { qos: 2 })).toEqual([2])
  const from = await connect({ version })
  for (const text of texts)
    await from.published(topic, text, { qos: 2, ...(version === 5 && { properties }) })
  await to.has(texts.length)
  const ids = to.messages.map(({ messageId }) => messageId)
  return { id, topic, to, from, ids, first: ids[0] ?? 0 }
}

const back = (id: string, version: Version) => connectAs(id, { version, ...KEPT })
const idsOf = (raw: Raw, cmd: string) => raw.of(cmd).map(({ messageId }) => messageId)

describe('a message at QoS 2', () => {
  both(
    'has an unused Packet Identifier, QoS 2 and DUP 0; PUBREC is answered with PUBREL, under the same identifier',
    '4.3.3-1 4.3.3-2 4.3.3-4 2.2.1-4 2.2.1-5 3.6.1-1 3.6.2-1',
    '4.3.3-1 2.3.1-4 2.3.1-6 3.6.1-1',
    async (version) => {
      const { to, ids } = await sent(version, ['a', 'b', 'c'])
      expect(new Set(ids).size).toBe(3)
      expect(ids.every((id) => id > 0)).toBe(true)
      expect(to.messages.every(({ qos, dup }) => qos === 2 && !dup)).toBe(true)
      for (const id of ids) {
        to.answer('pubrec', id)
        await to.sees(() => idsOf(to, 'pubrel').includes(id), 'PUBREL')
        expect(to.received.at(-1)?.[0]).toBe(0x62)
        to.answer('pubcomp', id)
      }
      expect(idsOf(to, 'pubrel')).toEqual(ids)
      await to.ping()
      expect(to.texts).toEqual(['a', 'b', 'c'])
    },
  )

  both(
    'is sent again, DUP 1 and in order, when the session is taken up before PUBREC',
    '3.3.1-1 4.3.3-3 4.4.0-1 4.6.0-1',
    '3.3.1-1 4.3.3-1 4.4.0-1 4.6.0-1',
    async (version) => {
      const { id, to, ids } = await sent(version, ['a', 'b'])
      to.drop()
      const next = await back(id, version)
      await next.has(2)
      expect(
        next.messages.map(({ payload, messageId, dup, qos }) => [String(payload), messageId, dup, qos]),
      ).toEqual([
        ['a', ids[0], true, 2],
        ['b', ids[1], true, 2],
      ])
    },
  )

  both(
    'is not sent again after PUBREC: PUBREL is, until its PUBCOMP',
    '4.3.3-5 4.3.3-6 4.4.0-1',
    '4.3.3-1 4.4.0-1',
    async (version) => {
      const { id, to, first } = await sent(version, ['a'])
      to.answer('pubrec', first)
      await to.gets('pubrel')
      to.drop()
      for (let i = 0; i < 2; i++) {
        const next = await back(id, version)
        expect(await next.gets('pubrel')).toMatchObject({ messageId: first })
        await next.ping()
        expect(next.messages).toEqual([])
        expect(idsOf(next, 'pubrel')).toEqual([first])
        next.drop()
      }
      const last = await back(id, version)
      await last.gets('pubrel')
      last.answer('pubcomp', first)
      await last.leave()
      const done = await back(id, version)
      await done.ping()
      expect(done.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp'])
    },
  )

  both(
    'is sent to a session that was away when it comes',
    '4.5.0-1 4.3.3-2',
    '4.5.0-1 4.3.3-1',
    async (version) => {
      const { id, topic, to, from } = await sent(version, [])
      await to.leave()
      await from.published(topic, 'x', { qos: 2 })
      const next = await back(id, version)
      const [message] = await next.has(1)
      expect(message).toMatchObject({ qos: 2, dup: false })
      next.answer('pubrec', message?.messageId ?? 0)
      expect(await next.gets('pubrel')).toMatchObject({ messageId: message?.messageId })
    },
  )

  both('that has begun is completed after UNSUBSCRIBE', '3.10.4-3', '3.10.4-3', async (version) => {
    const { topic, to, first } = await sent(version, ['a'])
    await to.unsubscribe(topic)
    to.answer('pubrec', first)
    expect(await to.gets('pubrel')).toMatchObject({ messageId: first })
  })

  both(
    'shares its identifiers with QoS 1: none is used twice at once',
    '2.2.1-4 4.3.3-1 4.3.2-1',
    '2.3.1-4 4.3.3-1 4.3.2-1',
    async (version) => {
      const { topic, to, from, ids } = await sent(version, ['a', 'b'])
      to.answer('pubrec', ids[0] ?? 0)
      await to.gets('pubrel')
      for (let i = 0; i < 50; i++) await from.published(topic, String(i), { qos: i % 2 === 0 ? 1 : 2 })
      await to.has(52)
      expect(new Set(to.messages.map(({ messageId }) => messageId)).size).toBe(52)
    },
  )
})

describe('PUBREL', () => {
  both('packets come in the order of the PUBREC packets', '4.6.0-4', '4.6.0-4', async (version) => {
    const { to, ids } = await sent(version, ['a', 'b', 'c', 'd'])
    const order = [2, 0, 3, 1].map((index) => ids[index] ?? 0)
    for (const id of order) to.answer('pubrec', id)
    await to.gets('pubrel', 4)
    expect(idsOf(to, 'pubrel')).toEqual(order)
  })

  both('is sent again for a PUBREC that comes again', '4.3.3-4', '4.3.3-1', async (version) => {
    const { to, first } = await sent(version, ['a'])
    for (let i = 0; i < 2; i++) {
      to.answer('pubrec', first)
      await to.gets('pubrel', i + 1)
    }
    expect(idsOf(to, 'pubrel')).toEqual([first, first])
  })

  it(`is not sent for a PUBREC that refuses, and neither is the message again${tags(5, '4.4.0-2')}`, async () => {
    const { id, to, ids } = await sent(5, ['a', 'b'])
    to.answer('pubrec', ids[0] ?? 0, 0x83)
    await to.ping()
    expect(to.of('pubrel')).toEqual([])
    to.drop()
    const next = await back(id, 5)
    await next.has(1)
    await next.ping()
    expect(next.texts).toEqual(['b'])
    expect(next.of('pubrel')).toEqual([])
  })

  it(`for a PUBREC of an unknown Packet Identifier says 0x92, and the connection stays${tags(5, '3.6.2-1 2.2.1-5')}`, async () => {
    const to = await connect()
    to.answer('pubrec', 99)
    expect(await to.gets('pubrel')).toMatchObject({ messageId: 99, reasonCode: 0x92 })
    await to.ping()
  })

  it('stays within the Maximum Packet Size, for which it leaves out reasons [MQTT-3.6.2-2] [MQTT-3.6.2-3]', async () => {
    const bound = 40
    const to = await connect({ properties: { maximumPacketSize: bound, requestProblemInformation: true } })
    const before = to.received.length
    to.answer('pubrec', 99)
    await to.gets('pubrel')
    for (const frame of to.received.slice(before)) expect(frame.length).toBeLessThanOrEqual(bound)
  })
})

describe('a message at QoS 2 that expires under way', () => {
  async function expired() {
    const session = await sent(5, ['brief'], { messageExpiryInterval: 1 })
    const began = Date.now()
    return { ...session, over: () => until(() => Date.now() - began > 1_100) }
  }

  it(`goes through all of its exchange${tags(5, '4.3.3-13 4.3.3-4')}`, async () => {
    const { id, to, first, over } = await expired()
    await over()
    to.answer('pubrec', first)
    expect(await to.gets('pubrel')).toMatchObject({ messageId: first })
    to.drop()
    const next = await back(id, 5)
    expect(await next.gets('pubrel')).toMatchObject({ messageId: first })
    next.answer('pubcomp', first)
    await next.ping()
    expect(next.closeCode).toBeNull()
  })

  it(`is sent again though it expired after it was first sent${tags(5, '4.3.3-7 4.3.3-3')}`, async () => {
    const { id, to, first, over } = await expired()
    to.drop()
    await over()
    const next = await back(id, 5)
    expect((await next.has(1))[0]).toMatchObject({ messageId: first, dup: true })
  })
})
