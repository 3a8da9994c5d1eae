// SUBSCRIBE and SUBACK: what is answered, what replaces what, what is no SUBSCRIBE.
import { describe, expect, it } from 'vitest'
import { framed } from '../mqtt/wire.ts'
import { both, freshRoot, place, refused, tags, type Version } from './place.ts'

const { connect } = place()

describe('SUBACK', () => {
  both(
    'has the Packet Identifier of its SUBSCRIBE and a code for each filter, in their order; one answers many',
    '3.8.4-1 3.8.4-2 3.8.4-5 3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2 2.2.1-6',
    '3.8.4-1 3.8.4-2 3.8.4-4 3.8.4-5 3.9.3-1 3.9.3-2 2.3.1-7',
    async (version) => {
      const root = freshRoot()
      const to = await connect({ version })
      to.send({
        cmd: 'subscribe',
        messageId: 4711,
        subscriptions: [
          { topic: `${root}/zero`, qos: 0 },
          { topic: `${root}/#/x`, qos: 1 },
          { topic: `${root}/one`, qos: 1 },
          { topic: `${root}/x+`, qos: 0 },
        ],
      })
      const failure = version === 5 ? 0x8f : 0x80
      expect(await to.gets('suback')).toMatchObject({ messageId: 4711, granted: [0, failure, 1, failure] })
      const from = await connect({ version })
      await from.published(`${root}/zero`, 'a')
      await from.published(`${root}/one`, 'b')
      await to.has(2)
      await to.ping()
      expect(to.messages.map(({ payload, qos }) => [String(payload), qos])).toEqual([
        ['a', 0],
        ['b', 1],
      ])
      expect(to.of('suback')).toHaveLength(1)
    },
  )

  both('grants QoS 2 where it is asked for', '3.8.4-7 3.9.3-2', '3.8.4-5 3.9.3-2', async (version) => {
    expect(await (await connect({ version })).subscribe(`${freshRoot()}/a`, { qos: 2 })).toEqual([2])
  })

  both(
    'comes for each SUBSCRIBE of many that are sent at once',
    '3.8.4-1 3.8.4-2',
    '3.8.4-1 3.8.4-2',
    async (version) => {
      const to = await connect({ version })
      const root = freshRoot()
      const ids = Array.from({ length: 20 }, () => to.nextId())
      to.sendBytes(
        Buffer.concat(
          ids.map((id) =>
            to.bytes({
              cmd: 'subscribe',
              messageId: id,
              subscriptions: [{ topic: `${root}-${id}/a`, qos: 1 }],
            }),
          ),
        ),
      )
      await to.gets('suback', 20)
      expect(
        to
          .of('suback')
          .map(({ messageId }) => messageId)
          .sort((a, b) => Number(a) - Number(b)),
      ).toEqual(ids)
    },
  )
})

describe('a SUBSCRIBE with the filter of an existing subscription', () => {
  both('replaces it: the new QoS holds, and one copy comes', '3.8.4-3', '3.8.4-3', async (version) => {
    const topic = `${freshRoot()}/a`
    const to = await connect({ version })
    const from = await connect({ version })
    for (const qos of [0, 1, 0] as const) {
      await to.subscribe(topic, { qos })
      await from.published(topic, String(qos))
    }
    await to.has(3)
    await to.ping()
    expect(to.messages.map(({ payload, qos }) => [String(payload), qos])).toEqual([
      ['0', 0],
      ['1', 1],
      ['0', 0],
    ])
  })

  both('in the same packet replaces it too', '3.8.4-3 3.8.4-5', '3.8.4-3 3.8.4-4', async (version) => {
    const topic = `${freshRoot()}/a`
    const to = await connect({ version })
    const twice = [
      { topic, qos: 1 },
      { topic, qos: 0 },
    ] as const
    expect(await to.subscribe(twice)).toEqual([1, 0])
    const from = await connect({ version })
    await from.published(topic, 'x')
    await from.published(topic, 'end')
    await to.has(2)
    expect(to.messages.map(({ payload, qos }) => [String(payload), qos])).toEqual([
      ['x', 0],
      ['end', 0],
    ])
  })

  it(`replaces its identifier and its options${tags(5, '3.8.4-3')}`, async () => {
    const topic = `${freshRoot()}/a`
    const to = await connect()
    await to.subscribe(topic, { nl: true, rap: true }, 5)
    await to.subscribe(topic, {}, 6)
    await to.published(topic, 'mine', { retain: true })
    await to.subscribe(topic, { rh: 2 })
    await to.published(topic, 'mine too')
    const [first, second] = await to.has(2)
    expect(first).toMatchObject({ retain: false, properties: { subscriptionIdentifier: 6 } })
    expect(second?.properties?.subscriptionIdentifier).toBeUndefined()
  })

  both('loses no message over it', '3.8.4-4', '3.8.4-3', async (version) => {
    const topic = `${freshRoot()}/a`
    const to = await connect({ version })
    await to.subscribe(topic)
    const from = await connect({ version })
    const texts = Array.from({ length: 100 }, (_, i) => String(i))
    const publishing = Promise.all(texts.map((text) => from.published(topic, text)))
    for (let i = 0; i < 10; i++) await to.subscribe(topic)
    await publishing
    await to.has(100)
    expect(to.texts).toEqual(texts)
  })
})

describe('No Local', () => {
  it(`keeps from a client what it published itself, and nothing else${tags(5, '3.8.3-3')}`, async () => {
    const topic = `${freshRoot()}/a`
    const [to, from] = [await connect(), await connect()]
    await to.subscribe(topic, { nl: true })
    await to.published(topic, 'mine')
    await from.published(topic, 'of another')
    await to.published(topic, 'mine', { qos: 0 })
    await from.published(topic, 'end')
    await to.has(2)
    expect(to.texts).toEqual(['of another', 'end'])
  })

  it(`is no part of 3.1.1 nor of other subscriptions: they bring back what a client published`, async () => {
    const topic = `${freshRoot()}/a`
    for (const version of [4, 5] as const) {
      const to = await connect({ version })
      await to.subscribe(topic)
      await to.published(topic, 'mine')
      await to.has(1)
    }
  })

  it(`on a shared subscription ends the connection with 0x82${tags(5, '3.8.3-4')}`, async () => {
    await refused(await connect(), framed(0x82, "0001 00 000a '$share/g/a' 05"), 0x82)
  })
})

describe('a SUBSCRIBE that ends the connection', () => {
  const rows: [what: string, five: string, older: string, header: number, body: string, reason: number][] = [
    ['flags other than 0010', '3.8.1-1', '3.8.1-1', 0x80, "0003 'a/b' 01", 0x81],
    ['a filter that is not UTF-8', '3.8.3-1', '3.8.3-1', 0x82, '0003 612fff 01', 0x81],
    ['no filter', '3.8.3-2', '3.8.3-3', 0x82, '', 0x82],
    ['reserved bits in its options', '3.8.3-5', '3.8.3-4', 0x82, "0003 'a/b' 41", 0x81],
    ['the highest bit in its options', '3.8.3-5', '3.8.3-4', 0x82, "0003 'a/b' 81", 0x81],
    ['U+0000 in its filter', '4.7.3-2', '4.7.3-2', 0x82, '0003 612f00 01', 0x81],
    ['QoS 3', '', '3.8.3-4', 0x82, "0003 'a/b' 03", 0x82],
  ]
  const run = async (version: Version, header: number, body: string, reason: number) =>
    refused(await connect({ version }), framed(header, `0001 ${version === 5 ? '00' : ''} ${body}`), reason)
  for (const [what, five, older, header, body, reason] of rows)
    both(`has ${what}`, five, older, (version) => run(version, header, body, reason))

  it.each(['04', '08', '10', '20'])(
    'has, in 3.1.1, an option that only 5.0 has: %s [MQTT-3.8.3-4, 3.1.1]',
    async (options) => {
      await refused(await connect({ version: 4 }), framed(0x82, `0001 0003 'a/b' ${options}`), 0)
    },
  )
})

it('SUBACK, UNSUBACK and PUBACK stay within the Maximum Packet Size, for which they leave out reasons [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2]', async () => {
  const bound = 40
  const small = await connect({
    properties: { maximumPacketSize: bound, requestProblemInformation: true },
  })
  const before = small.received.length
  expect(await small.subscribe('a/#/b')).toEqual([0x8f])
  expect(await small.unsubscribe('a/never')).toEqual([0x11])
  expect(await small.published('$SYS/a', 'x')).toBe(0x87)
  for (const frame of small.received.slice(before)) expect(frame.length).toBeLessThanOrEqual(bound)
})
