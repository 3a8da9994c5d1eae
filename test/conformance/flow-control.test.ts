// Receive Maximum in both directions: how much may be under way, what goes on meanwhile, what makes room.
import { describe, expect, it } from 'vitest'
import { Raw } from '../e2e/raw.ts'
import { until } from '../e2e/system.ts'
import { fresh, freshRoot, KEPT, place, tags } from './place.ts'

const started = place()
const { connect, connectAs } = started
const MAXIMUM = 3

/** A client with a Receive Maximum of 3, to whom ten messages are under way. */
async function loaded(options = {}, qos: 1 | 2 = 1) {
  const topic = `${freshRoot()}/a`
  const to = await connectAs(fresh('narrow'), { ...options, properties: { receiveMaximum: MAXIMUM } })
  expect(await to.subscribe(topic, { qos })).toEqual([qos])
  const from = await connect()
  await Promise.all(Array.from({ length: 10 }, (_, i) => from.published(topic, String(i), { qos })))
  await to.has(MAXIMUM)
  return { topic, to, from }
}

const idOf = (raw: Raw, index: number) => raw.messages[index]?.messageId ?? 0

describe.each([
  ['a session that ends with its connection', {}],
  ['a session that is kept', KEPT],
] as const)("the client's Receive Maximum, in %s", (_kind, options) => {
  it(`is the most that is under way without PUBACK${tags(5, '3.3.4-9 4.9.0-1 4.9.0-2')}`, async () => {
    const { to } = await loaded(options)
    await to.ping()
    expect(to.texts).toEqual(['0', '1', '2'])
    to.answer('puback', idOf(to, 0))
    await to.has(4)
    await to.ping()
    expect(to.texts).toEqual(['0', '1', '2', '3'])
    for (const index of [1, 2]) to.answer('puback', idOf(to, index))
    await to.has(6)
    await to.ping()
    expect(to.texts).toEqual(['0', '1', '2', '3', '4', '5'])
    for (let index = 3; index < 10; index++) {
      await to.has(index + 1)
      to.answer('puback', idOf(to, index))
    }
    expect(to.texts).toEqual(Array.from({ length: 10 }, (_, i) => String(i)))
  })

  it(`has room again after a PUBACK that refuses${tags(5, '4.9.0-1 4.4.0-2')}`, async () => {
    const { to } = await loaded(options)
    to.answer('puback', idOf(to, 0), 0x80)
    await to.has(4)
    await to.ping()
    expect(to.texts).toEqual(['0', '1', '2', '3'])
  })

  it(`has no more room after a PUBACK that is one too many${tags(5, '3.3.4-9 4.9.0-1')}`, async () => {
    const { to } = await loaded(options)
    for (let i = 0; i < 5; i++) to.answer('puback', idOf(to, 0))
    await to.has(4)
    await to.ping()
    expect(to.texts).toEqual(['0', '1', '2', '3'])
  })

  it(`holds up nothing else when it is used up${tags(5, '3.3.4-10 4.9.0-3')}`, async () => {
    const { topic, to, from } = await loaded(options)
    await to.ping()
    const other = `${freshRoot()}/a`
    expect(await to.subscribe(other, { qos: 0 })).toEqual([0])
    await from.published(other, 'at QoS 0')
    await from.published(topic, 'zero', { qos: 0 })
    await to.has(MAXIMUM + 2)
    expect(await to.published(`${freshRoot()}/a`, 'x')).toBeLessThan(0x80)
    expect(await to.unsubscribe(other)).toEqual([0])
    expect(to.texts.slice(MAXIMUM).sort()).toEqual(['at QoS 0', 'zero'])
  })
})

it(`the Receive Maximum of the newer connection holds for what is sent again${tags(5, '3.3.4-9 4.9.0-2')}`, async () => {
  const topic = `${freshRoot()}/a`
  const id = fresh('kept')
  const wide = await connectAs(id, KEPT)
  await wide.subscribe(topic)
  const from = await connect()
  await Promise.all(Array.from({ length: 5 }, (_, i) => from.published(topic, String(i))))
  await wide.has(5)
  wide.drop()
  const narrow = await connectAs(id, { ...KEPT, properties: { receiveMaximum: 2 } })
  await narrow.has(2)
  await narrow.ping()
  expect(narrow.texts).toEqual(['0', '1'])
  for (let i = 0; i < 5; i++) {
    await narrow.has(i + 1)
    narrow.answer('puback', idOf(narrow, i))
  }
  expect(narrow.texts).toEqual(['0', '1', '2', '3', '4'])
})

describe('with QoS 2', () => {
  // QoS 2 is not there yet.
  it(`there is room after PUBCOMP and not after PUBREC${tags(5, '3.3.4-9 4.9.0-1 4.9.0-2')}`, async () => {
    const { to } = await loaded({}, 2)
    to.answer('pubrec', idOf(to, 0))
    await to.gets('pubrel')
    await to.ping()
    expect(to.texts).toEqual(['0', '1', '2'])
    to.answer('pubcomp', idOf(to, 0))
    await to.has(4)
    await to.ping()
    expect(to.texts).toEqual(['0', '1', '2', '3'])
  })

  it(`there is room after a PUBREC that refuses${tags(5, '4.9.0-1 4.4.0-2')}`, async () => {
    const { to } = await loaded({}, 2)
    to.answer('pubrec', idOf(to, 0), 0x80)
    await to.has(4)
    await to.ping()
    expect(to.texts).toEqual(['0', '1', '2', '3'])
    expect(to.of('pubrel')).toEqual([])
  })
})

describe("the server's Receive Maximum", () => {
  it(`is said in CONNACK, and that many PUBLISH may be sent without waiting`, async () => {
    const from = await connect()
    const { properties } = from.packets[0] as { properties?: { receiveMaximum?: number } }
    const maximum = properties?.receiveMaximum ?? 65_535
    const topic = `${freshRoot()}/a`
    const ids = Array.from({ length: Math.min(maximum, 1_000) }, () => from.publish(topic, 'x'))
    await from.gets('puback', ids.length)
    expect(from.of('puback').map(({ messageId }) => messageId)).toEqual(ids)
  })
})

it('a client whose Maximum Packet Size CONNACK does not fit into is not served without CONNACK [MQTT-3.2.0-1]', async () => {
  const id = fresh('tiny')
  const tiny = await Raw.open(started.system, 'eu', `/${id}`)
  tiny.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId: id,
    clean: true,
    keepalive: 0,
    username: 'x',
    password: Buffer.from(await started.system.token(id)),
    properties: { maximumPacketSize: 6 },
  })
  tiny.send({ cmd: 'pingreq' })
  await until(() => tiny.packets.length > 0 || tiny.closeCode !== null)
  tiny.drop()
  expect(tiny.packets.map(({ cmd }) => cmd)[0]).not.toBe('pingresp')
})
