// PUBLISH and its answers: what reaches a subscriber of what was published, and what may not be published.
import { describe, expect, it } from 'vitest'
import { until } from '../e2e/system.ts'
import { framed, wire } from '../mqtt/wire.ts'
import { both, fresh, freshRoot, KEPT, place, refused, tags, type Version } from './place.ts'

const { connect, connectAs } = place()

const CARRIED = {
  payloadFormatIndicator: true,
  contentType: 'text/plain; é',
  responseTopic: 'answers/é/1',
  correlationData: Buffer.from([0, 255, 1]),
}
const CARRYING = tags(5, '3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-20')

describe('the properties of a message', () => {
  it(`reach a subscriber that is there unchanged${CARRYING}`, async () => {
    const root = freshRoot()
    const to = await connect()
    await to.subscribe(`${root}/a`)
    await (await connect()).published(`${root}/a`, 'é', { properties: CARRIED })
    const [message] = await to.has(1)
    expect(message?.properties).toEqual(CARRIED)
  })

  it(`reach each subscriber at its QoS, also one that comes later, unchanged${CARRYING}`, async () => {
    const root = freshRoot()
    const id = fresh('away')
    const away = await connectAs(id, KEPT)
    await away.subscribe(`${root}/a`)
    await away.leave()
    const zero = await connect()
    await zero.subscribe(`${root}/a`, { qos: 0 })
    await (await connect()).published(`${root}/a`, 'é', { retain: true, properties: CARRIED })
    const late = await connect()
    await late.subscribe(`${root}/a`)
    for (const to of [zero, late, await connectAs(id, KEPT)])
      expect((await to.has(1))[0]?.properties).toEqual(CARRIED)
  })

  it(`are not made up: a Payload Format Indicator of 0 stays 0, and none stays none${tags(5, '3.3.2-4')}`, async () => {
    const root = freshRoot()
    const to = await connect()
    await to.subscribe(`${root}/a`)
    const from = await connect()
    await from.published(`${root}/a`, 'x', { properties: { payloadFormatIndicator: false } })
    await from.published(`${root}/a`, 'x')
    const [first, second] = await to.has(2)
    expect(first?.properties).toEqual({ payloadFormatIndicator: false })
    expect(second?.properties ?? {}).toEqual({})
  })

  it('that are User Properties all arrive, in their order, names that repeat too [MQTT-3.3.2-17] [MQTT-3.3.2-18]', async () => {
    const root = freshRoot()
    const to = await connect()
    await to.subscribe(`${root}/a`)
    const pairs = [
      "26 0001 'b' 0001 '1'",
      "26 0001 'a' 0001 '2'",
      "26 0001 'b' 0001 '0'",
      "26 0001 'b' 0001 '1'",
    ]
    const from = await connect()
    const topic = `${root}/a`
    from.sendBytes(framed(0x30, `00 ${hex(topic.length)} '${topic}' 1c ${pairs.join(' ')}`))
    await to.has(1)
    const got = Buffer.concat(to.received)
    const places: number[] = []
    for (const pair of pairs) places.push(got.indexOf(wire(pair), (places.at(-1) ?? -7) + 7))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(to.messages[0]?.properties?.userProperties).toEqual({ b: ['1', '0', '1'], a: '2' })
  })
})

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

describe('DUP', () => {
  both(
    'of a publisher is not passed on: a first delivery has DUP 0',
    '3.3.1-3 4.3.2-2',
    '3.3.1-3 4.3.2-1',
    async (version) => {
      const root = freshRoot()
      const to = await connect({ version })
      await to.subscribe(`${root}/a`)
      await (await connect({ version })).published(`${root}/a`, 'again', { dup: true })
      expect((await to.has(1))[0]).toMatchObject({ dup: false, qos: 1 })
    },
  )

  both(
    'is 0 at QoS 0, where there is no Packet Identifier',
    '3.3.1-2 4.3.1-1 2.2.1-2',
    '3.3.1-2 4.3.1-1 2.3.1-5',
    async (version) => {
      const root = freshRoot()
      const to = await connect({ version })
      await to.subscribe(`${root}/a`)
      await (await connect({ version })).published(`${root}/a`, 'zero', { qos: 0 })
      const [message] = await to.has(1)
      expect(message).toMatchObject({ qos: 0, dup: false })
      expect(message?.messageId).toBeUndefined()
      // A Packet Identifier would have been read as its first bytes.
      expect(String(message?.payload)).toBe('zero')
    },
  )
})

describe('a PUBLISH that ends the connection', () => {
  const rows: [what: string, five: string, older: string, header: number, body: string, reason: number][] = [
    ['QoS 3', '3.3.1-4', '3.3.1-4', 0x36, "0003 'a/b' 0001", 0x81],
    ['QoS 0 and DUP 1', '3.3.1-2', '3.3.1-2', 0x38, "0003 'a/b'", 0x82],
    ['a + in its topic', '3.3.2-2 4.7.0-1', '3.3.2-2 4.7.1-1', 0x30, "0003 'a/+'", 0x90],
    ['a # in its topic', '3.3.2-2 4.7.0-1', '3.3.2-2 4.7.1-1', 0x30, "0003 'a/#'", 0x90],
    ['a topic that is not UTF-8', '3.3.2-1', '3.3.2-1', 0x30, '0003 612fff', 0x81],
    ['a surrogate in its topic', '3.3.2-1', '3.3.2-1', 0x30, '0003 eda080', 0x81],
    ['U+0000 in its topic', '4.7.3-2', '4.7.3-2', 0x30, '0003 612f00', 0x81],
    ['an empty topic', '4.7.3-1', '4.7.3-1', 0x30, '0000', 0x82],
  ]
  const run = async (version: Version, header: number, body: string, reason: number) =>
    refused(await connect({ version }), framed(header, `${body} ${version === 5 ? '00' : ''}`), reason)
  for (const [what, five, older, header, body, reason] of rows)
    both(`has ${what}`, five, older, (version) => run(version, header, body, reason))

  it.each(
    [
      ['a Subscription Identifier', '3.3.4-6', '02 0b 01', 0x82],
      ['a wildcard in its Response Topic', '3.3.2-14', "06 08 0003 'a/#'", 0x82],
      ['a Response Topic that is not UTF-8', '3.3.2-13', '04 08 0001 ff', 0x81],
      ['a Content Type that is not UTF-8', '3.3.2-19', '04 03 0001 ff', 0x81],
      ['Topic Alias 0', '3.3.2-8', '03 23 0000', 0x94],
    ].map(([what, id, ...rest]) => [what, tags(5, id as string), ...rest] as const),
  )('has %s%s', async (_what, _tags, properties, reason) => {
    await refused(await connect(), framed(0x30, `0003 'a/b' ${properties}`), reason as number)
  })
})

describe('the answer', () => {
  both(
    'is none to QoS 0 and PUBACK with its Packet Identifier to QoS 1',
    '3.3.4-1 4.3.2-4 2.2.1-5',
    '3.3.4-1 4.3.2-2 2.3.1-6',
    async (version) => {
      const from = await connect({ version })
      const root = freshRoot()
      from.publish(`${root}/a`, 'zero', { qos: 0 })
      from.publish(`${root}/a`, 'one', { id: 77 })
      from.publish(`${root}/a`, 'one', { id: 65_535 })
      await from.gets('puback', 2)
      await from.ping()
      expect(from.packets.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
        ['connack', undefined],
        ['puback', 77],
        ['puback', 65_535],
        ['pingresp', undefined],
      ])
    },
  )

  it('is 0x00 where there are subscribers, and may say 0x10 where there are none [MQTT-3.4.2-1]', async () => {
    const root = freshRoot()
    const from = await connect()
    expect([0, 0x10]).toContain(await from.published(`${root}/a`, 'nobody'))
    await from.subscribe(`${root}/a`)
    expect(await from.published(`${root}/a`, 'one')).toBe(0)
  })

  it('is 0x87 to a topic that begins with $, and the connection stays [MQTT-3.4.2-1] [MQTT-4.3.2-4]', async () => {
    const from = await connect()
    expect(await from.published('$SYS/a', 'x')).toBe(0x87)
    expect(await from.published(`${freshRoot()}/a`, 'x')).toBeLessThan(0x80)
  })

  it('is, in 3.1.1, the end of the connection for a topic that begins with $ [MQTT-3.3.5-2, 3.1.1]', async () => {
    const from = await connect({ version: 4 })
    from.publish('$SYS/a', 'x')
    await from.closed()
    expect(from.of('puback')).toEqual([])
  })

  it('after PUBACK a PUBLISH with the same Packet Identifier is a new message, with DUP too [MQTT-4.3.2-5] [MQTT-4.3.2-2, 3.1.1]', async () => {
    for (const version of [5, 4] as const) {
      const root = freshRoot()
      const to = await connect({ version })
      await to.subscribe(`${root}/a`)
      const from = await connect({ version })
      await from.published(`${root}/a`, 'one', { id: 9 })
      await from.published(`${root}/a`, 'two', { id: 9 })
      await from.published(`${root}/a`, 'two', { id: 9, dup: true })
      await to.has(3)
      expect(to.texts).toEqual(['one', 'two', 'two'])
    }
  })
})

describe('Message Expiry Interval', () => {
  it('goes out less the time that the message waited for its session [MQTT-3.3.2-6]', async () => {
    const root = freshRoot()
    const id = fresh('away')
    const away = await connectAs(id, KEPT)
    await away.subscribe(`${root}/a`)
    await away.leave()
    const from = await connect()
    await from.published(`${root}/a`, 'x', { properties: { messageExpiryInterval: 100 } })
    const began = Date.now()
    await until(() => Date.now() - began > 1_100)
    const [message] = await (await connectAs(id, KEPT)).has(1)
    expect(message?.properties?.messageExpiryInterval).toBeLessThan(100)
    expect(message?.properties?.messageExpiryInterval).toBeGreaterThan(90)
  })

  it('deletes what expired while its session was away [MQTT-3.3.2-5]', async () => {
    const root = freshRoot()
    const id = fresh('away')
    const away = await connectAs(id, KEPT)
    await away.subscribe(`${root}/a`)
    await away.leave()
    const from = await connect()
    await from.published(`${root}/a`, 'brief', { properties: { messageExpiryInterval: 1 } })
    await from.published(`${root}/a`, 'long', { properties: { messageExpiryInterval: 100 } })
    const began = Date.now()
    await until(() => Date.now() - began > 1_100)
    const back = await connectAs(id, KEPT)
    await back.has(1)
    await back.ping()
    expect(back.texts).toEqual(['long'])
  })

  for (const [kind, options] of [
    ['a session that ends with its connection', {}],
    ['a session that is kept', KEPT],
  ] as const) {
    // Outgoing.pump sends what waits without looking at its expiry; only what is read back from storage is looked at.
    it(`deletes what expired while it waited for the client's Receive Maximum, in ${kind} [MQTT-3.3.2-5]`, async () => {
      const root = freshRoot()
      const to = await connect({ ...options, properties: { receiveMaximum: 1 } })
      await to.subscribe(`${root}/a`)
      const from = await connect()
      await from.published(`${root}/a`, 'first')
      await from.published(`${root}/a`, 'brief', { properties: { messageExpiryInterval: 1 } })
      await from.published(`${root}/a`, 'long', { properties: { messageExpiryInterval: 100 } })
      const began = Date.now()
      const [first] = await to.has(1)
      await until(() => Date.now() - began > 1_100)
      to.answer('puback', first?.messageId ?? 0)
      await to.has(2)
      expect(to.texts).toEqual(['first', 'long'])
    })
  }
})
