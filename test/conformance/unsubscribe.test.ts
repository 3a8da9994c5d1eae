// UNSUBSCRIBE and UNSUBACK: what ends, what goes on to its end, what is answered.
import { describe, expect, it } from 'vitest'
import { framed } from '../mqtt/wire.ts'
import { both, fresh, freshRoot, KEPT, place, refused, tags, type Version } from './place.ts'

const { connect, connectAs } = place()

describe('UNSUBACK', () => {
  both(
    'has the Packet Identifier of its UNSUBSCRIBE, and one answers many filters',
    '3.10.4-4 3.10.4-5 3.10.4-6 2.2.1-6',
    '3.10.4-4 3.10.4-6 2.3.1-7',
    async (version) => {
      const root = freshRoot()
      const to = await connect({ version })
      await to.subscribe(['a', 'b', 'c'].map((level) => ({ topic: `${root}/${level}`, qos: 1 })))
      to.send({ cmd: 'unsubscribe', messageId: 4711, unsubscriptions: [`${root}/a`, `${root}/c`] })
      expect(await to.gets('unsuback')).toMatchObject({ messageId: 4711 })
      const from = await connect({ version })
      for (const level of ['a', 'b', 'c', 'b']) await from.published(`${root}/${level}`, level)
      await to.has(2)
      await to.ping()
      expect(to.texts).toEqual(['b', 'b'])
      expect(to.of('unsuback')).toHaveLength(1)
    },
  )

  it(`has a code for each filter, in their order${tags(5, '3.11.3-1 3.11.3-2 3.10.4-5')}`, async () => {
    const root = freshRoot()
    const to = await connect()
    await to.subscribe(`${root}/a`)
    await to.subscribe(`${root}/+/b`)
    const filters = ['never', 'a', 'x/#/y', '+/b', 'a'].map((filter) => `${root}/${filter}`)
    expect(await to.unsubscribe(...filters)).toEqual([0x11, 0, 0x8f, 0, 0x11])
  })

  both('comes where nothing was deleted', '3.10.4-5', '3.10.4-5', async (version) => {
    const to = await connect({ version })
    to.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: [`${freshRoot()}/never`] })
    expect(await to.gets('unsuback')).toMatchObject({ messageId: 9 })
  })
})

describe('after UNSUBACK', () => {
  both('no new message comes, in the connection and after it', '3.10.4-2', '3.10.4-2', async (version) => {
    const root = freshRoot()
    const id = fresh('kept')
    const to = await connectAs(id, { version, ...KEPT })
    await to.subscribe(`${root}/gone`)
    await to.subscribe(`${root}/stays`)
    await to.unsubscribe(`${root}/gone`)
    const from = await connect({ version })
    await from.published(`${root}/gone`, 'x')
    await from.published(`${root}/stays`, 'one')
    const [one] = await to.has(1)
    to.answer('puback', one?.messageId ?? 0)
    await to.leave()
    await from.published(`${root}/gone`, 'x')
    await from.published(`${root}/stays`, 'two')
    const back = await connectAs(id, { version, ...KEPT })
    await back.has(1)
    await back.ping()
    expect([...to.texts, ...back.texts]).toEqual(['one', 'two'])
  })

  both(
    'a subscription stays whose filter is another, though it matches the same topics',
    '3.10.4-1',
    '3.10.4-1',
    async (version) => {
      const root = freshRoot()
      const to = await connect({ version })
      await to.subscribe(`${root}/a/+`)
      await to.unsubscribe(`${root}/a/#`, `${root}/a/b`, `${root}/A/+`, `${root}/a/+/`, `${root}/+/+`)
      const from = await connect({ version })
      await from.published(`${root}/a/b`, 'still')
      await to.has(1)
      await to.unsubscribe(`${root}/a/+`)
      await from.published(`${root}/a/b`, 'no more')
      await to.subscribe(`${root}/a/end`)
      await from.published(`${root}/a/end`, 'end')
      await to.has(2)
      expect(to.texts).toEqual(['still', 'end'])
    },
  )

  both(
    'a delivery that has begun is completed, over the next connection too',
    '3.10.4-3',
    '3.10.4-3',
    async (version) => {
      const topic = `${freshRoot()}/a`
      const id = fresh('kept')
      const to = await connectAs(id, { version, ...KEPT })
      await to.subscribe(topic)
      await (await connect({ version })).published(topic, 'begun')
      const [begun] = await to.has(1)
      await to.unsubscribe(topic)
      to.drop()
      const back = await connectAs(id, { version, ...KEPT })
      const [again] = await back.has(1)
      expect(again).toMatchObject({ dup: true, messageId: begun?.messageId })
      back.answer('puback', again?.messageId ?? 0)
      await back.leave()
      const done = await connectAs(id, { version, ...KEPT })
      await done.ping()
      expect(done.messages).toEqual([])
    },
  )
})

describe('SUBSCRIBE and UNSUBSCRIBE that are sent at once', () => {
  /** Sends all in one frame, and returns what comes of two messages afterwards. */
  async function comesAfter(version: Version, kinds: readonly ('subscribe' | 'unsubscribe')[]) {
    const root = freshRoot()
    const to = await connect({ version })
    const topic = `${root}/a`
    const packets = kinds.map((cmd) => {
      const messageId = to.nextId()
      return cmd === 'subscribe'
        ? to.bytes({ cmd, messageId, subscriptions: [{ topic, qos: 1 }] })
        : to.bytes({ cmd, messageId, unsubscriptions: [topic] })
    })
    to.sendBytes(Buffer.concat(packets))
    await to.sees(() => to.packets.length === 1 + kinds.length, 'all answers')
    await to.subscribe(`${root}/end`)
    const from = await connect({ version })
    await from.published(topic, 'x')
    await from.published(`${root}/end`, 'end')
    await to.sees(() => to.texts.includes('end'), 'end')
    return to.texts
  }

  both('take effect in their order: UNSUBSCRIBE is last', '3.10.4-2', '3.10.4-2', async (version) => {
    expect(await comesAfter(version, ['subscribe', 'unsubscribe'])).toEqual(['end'])
    expect(await comesAfter(version, ['subscribe', 'unsubscribe', 'subscribe', 'unsubscribe'])).toEqual([
      'end',
    ])
  })

  both('take effect in their order: SUBSCRIBE is last', '4.5.0-1', '4.5.0-1', async (version) => {
    expect(await comesAfter(version, ['subscribe', 'unsubscribe', 'subscribe'])).toEqual(['x', 'end'])
  })
})

describe('an UNSUBSCRIBE that ends the connection', () => {
  const rows: [what: string, five: string, older: string, header: number, body: string, reason: number][] = [
    ['flags other than 0010', '3.10.1-1', '3.10.1-1', 0xa0, "0003 'a/b'", 0x81],
    ['a filter that is not UTF-8', '3.10.3-1', '3.10.3-1', 0xa2, '0003 612fff', 0x81],
    ['a filter that is cut off', '3.10.3-1', '3.10.3-1', 0xa2, "0004 'a/b'", 0x81],
    ['no filter', '3.10.3-2', '3.10.3-2', 0xa2, '', 0x82],
  ]
  const run = async (version: Version, header: number, body: string, reason: number) =>
    refused(await connect({ version }), framed(header, `0001 ${version === 5 ? '00' : ''} ${body}`), reason)
  for (const [what, five, older, header, body, reason] of rows)
    both(`has ${what}`, five, older, (version) => run(version, header, body, reason))
})
