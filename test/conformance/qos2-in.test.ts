// QoS 2 from a client to the server: one PUBLISH, however often it is sent, is delivered once.
import { describe, expect, it } from 'vitest'
import type { Raw } from '../e2e/raw.ts'
import { framed } from '../mqtt/wire.ts'
import { both, fresh, freshRoot, KEPT, place, refused, tags, type Version } from './place.ts'

const { connect, connectAs } = place()

/** A listener that is there, and a client with a kept session that publishes to it. */
async function pair(version: Version) {
  const topic = `${freshRoot()}/a`
  const to = await connect({ version })
  await to.subscribe(topic)
  const id = fresh('sender')
  const from = await connectAs(id, { version, ...KEPT })
  const delivered = async (...texts: string[]) => {
    await (await connect({ version })).published(topic, 'end')
    await to.sees(() => to.texts.includes('end'), 'end')
    expect(to.texts).toEqual([...texts, 'end'])
  }
  return { topic, to, id, from, delivered }
}

const idsOf = (raw: Raw, cmd: string) => raw.of(cmd).map(({ messageId }) => messageId)

describe('a PUBLISH at QoS 2', () => {
  both(
    'is answered with PUBREC, and its PUBREL with PUBCOMP, under its Packet Identifier; it is delivered once',
    '3.3.4-1 4.3.3-8 4.3.3-11 2.2.1-5 3.5.2-1 3.7.2-1',
    '3.3.4-1 4.3.3-2 2.3.1-6',
    async (version) => {
      const { topic, from, delivered } = await pair(version)
      from.publish(topic, 'x', { qos: 2, id: 4711 })
      expect(await from.gets('pubrec')).toMatchObject({ messageId: 4711 })
      from.answer('pubrel', 4711)
      expect(await from.gets('pubcomp')).toMatchObject({ messageId: 4711 })
      await delivered('x')
      expect(from.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'pubrec', 'pubcomp'])
    },
  )

  both(
    'that is sent again before PUBREL gets PUBREC again and is not delivered twice',
    '4.3.3-10',
    '4.3.3-2',
    async (version) => {
      const { topic, from, delivered } = await pair(version)
      for (let i = 0; i < 3; i++) {
        from.publish(topic, 'x', { qos: 2, id: 7, dup: i > 0 })
        await from.gets('pubrec', i + 1)
      }
      from.answer('pubrel', 7)
      await from.gets('pubcomp')
      expect(idsOf(from, 'pubrec')).toEqual([7, 7, 7])
      await delivered('x')
    },
  )

  both(
    'that is sent again at once, before its PUBREC, is not delivered twice',
    '4.3.3-10',
    '4.3.3-2',
    async (version) => {
      const { topic, from, delivered } = await pair(version)
      for (let i = 0; i < 2; i++) from.publish(topic, 'x', { qos: 2, id: 7, dup: i > 0 })
      await from.gets('pubrec')
      from.answer('pubrel', 7)
      await from.gets('pubcomp')
      await delivered('x')
    },
  )

  both(
    'that is sent again over the next connection is not delivered twice either',
    '4.3.3-10',
    '4.3.3-2',
    async (version) => {
      const { topic, id, from, delivered } = await pair(version)
      from.publish(topic, 'x', { qos: 2, id: 7 })
      await from.gets('pubrec')
      from.drop()
      const back = await connectAs(id, { version, ...KEPT })
      back.publish(topic, 'x', { qos: 2, id: 7, dup: true })
      await back.gets('pubrec')
      back.answer('pubrel', 7)
      await back.gets('pubcomp')
      await delivered('x')
    },
  )

  both('whose PUBREL comes over the next connection is completed', '4.3.3-11', '4.3.3-2', async (version) => {
    const { topic, id, from, delivered } = await pair(version)
    from.publish(topic, 'x', { qos: 2, id: 7 })
    await from.gets('pubrec')
    from.drop()
    const back = await connectAs(id, { version, ...KEPT })
    back.answer('pubrel', 7)
    expect((await back.gets('pubcomp')).reasonCode ?? 0).toBe(0)
    await delivered('x')
  })

  both(
    'after PUBCOMP is a new message under the same Packet Identifier',
    '4.3.3-12',
    '4.3.3-2',
    async (version) => {
      const { topic, from, delivered } = await pair(version)
      for (const text of ['one', 'two', 'two']) await from.published(topic, text, { qos: 2, id: 7 })
      await delivered('one', 'two', 'two')
    },
  )

  it(`after a PUBREC that refuses is a new message under the same Packet Identifier${tags(5, '4.3.3-9 3.5.2-1')}`, async () => {
    const { topic, from, delivered } = await pair(5)
    from.publish('$SYS/x', 'x', { qos: 2, id: 7 })
    expect((await from.gets('pubrec')).reasonCode).toBe(0x87)
    from.publish(topic, 'allowed', { qos: 2, id: 7 })
    expect((await from.gets('pubrec', 2)).reasonCode ?? 0).toBeLessThan(0x80)
    from.answer('pubrel', 7)
    await from.gets('pubcomp')
    await delivered('allowed')
  })

  it('to a topic that begins with $ ends the connection of a 3.1.1 client without PUBREC [MQTT-3.3.5-2, 3.1.1]', async () => {
    const from = await connect({ version: 4 })
    // That QoS 2 is served at all, so that this does not hold for want of it.
    await from.published(`${freshRoot()}/a`, 'x', { qos: 2 })
    from.publish('$SYS/x', 'x', { qos: 2, id: 9 })
    await from.closed()
    expect(idsOf(from, 'pubrec')).not.toContain(9)
  })

  both('keeps its retained message, as at any QoS', '3.3.1-5', '3.3.1-5', async (version) => {
    const { topic, from } = await pair(version)
    await from.published(topic, 'kept', { qos: 2, retain: true })
    const late = await connect({ version })
    await late.subscribe(topic, { qos: 2 })
    expect((await late.has(1))[0]).toMatchObject({ retain: true, qos: 2 })
  })

  both(
    'to a topic that nobody subscribed to is answered all the same',
    '4.3.3-8',
    '4.3.3-2',
    async (version) => {
      const from = await connect({ version })
      expect([0, 0x10]).toContain(await from.published(`${freshRoot()}/a`, 'x', { qos: 2 }))
    },
  )
})

describe('PUBREC and PUBCOMP', () => {
  both(
    'of many PUBLISH at once come in their order, and are for the right ones',
    '4.6.0-3 4.3.3-11',
    '4.6.0-3 4.3.3-2',
    async (version) => {
      const roots = [freshRoot(), freshRoot()]
      const from = await connect({ version })
      const ids = Array.from({ length: 50 }, (_, i) => 1_000 - i)
      for (const [i, id] of ids.entries()) from.publish(`${roots[i % 2]}/a`, 'x', { qos: 2, id })
      await from.gets('pubrec', 50)
      expect(idsOf(from, 'pubrec')).toEqual(ids)
      for (const id of ids.toReversed()) from.answer('pubrel', id)
      await from.gets('pubcomp', 50)
      expect(idsOf(from, 'pubcomp').sort()).toEqual(ids.toSorted())
    },
  )

  it(`to a PUBREL of an unknown Packet Identifier is PUBCOMP 0x92, and the connection stays${tags(5, '3.7.2-1 4.3.3-11 2.2.1-5')}`, async () => {
    const from = await connect()
    from.answer('pubrel', 99)
    expect(await from.gets('pubcomp')).toMatchObject({ messageId: 99, reasonCode: 0x92 })
    await from.ping()
  })

  it(`to a PUBREL of an unknown Packet Identifier is PUBCOMP in 3.1.1 too${tags(4, '4.3.3-2')}`, async () => {
    const from = await connect({ version: 4 })
    from.answer('pubrel', 99)
    expect(await from.gets('pubcomp')).toMatchObject({ messageId: 99 })
    await from.ping()
  })

  it('stay within the Maximum Packet Size, for which they leave out reasons [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3]', async () => {
    const bound = 40
    const from = await connect({
      properties: { maximumPacketSize: bound, requestProblemInformation: true },
    })
    const before = from.received.length
    expect(await from.published('$SYS/a', 'x', { qos: 2 })).toBe(0x87)
    from.answer('pubrel', 99)
    await from.gets('pubcomp')
    for (const frame of from.received.slice(before)) expect(frame.length).toBeLessThanOrEqual(bound)
  })
})

describe('what ends the connection', () => {
  both('is a PUBREL with flags other than 0010', '3.6.1-1', '3.6.1-1', async (version) => {
    for (const header of [0x60, 0x61, 0x63, 0x6a])
      await refused(await connect({ version }), framed(header, '0001'), 0x81)
  })

  it.each(
    [
      ['PUBACK', 0x40, '3.4.2-1'],
      ['PUBREC', 0x50, '3.5.2-1'],
      ['PUBREL', 0x62, '3.6.2-1'],
      ['PUBCOMP', 0x70, '3.7.2-1'],
    ].map(([name, header, id]) => [name, tags(5, id as string), header] as const),
  )('is a %s with a code that is not in its table%s', async (_name, _tags, header) => {
    await refused(await connect(), framed(header as number, '0001 04'), 0x82)
  })
})
