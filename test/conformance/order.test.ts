// Order: of acknowledgements, and of one publisher's messages on their way to each subscriber.
import { describe, expect, it } from 'vitest'
import type { Raw } from '../e2e/raw.ts'
import { both, fresh, freshRoot, KEPT, place, type Version } from './place.ts'

const { connect, connectAs } = place()
const MANY = 200

both(
  'PUBACK packets come in the order of their PUBLISH packets, whatever their topics',
  '4.6.0-2',
  '4.6.0-2',
  async (version) => {
    const roots = [freshRoot(), freshRoot(), freshRoot()]
    // One of the roots has a subscriber that acknowledges nothing, so that its publishes are settled it.
    const slow = await connect({ version, ...KEPT })
    await slow.subscribe(`${roots[1]}/a`)
    const from = await connect({ version })
    const ids = Array.from({ length: MANY }, (_, i) => 60_000 - 7 * i)
    const publishes = ids.map((messageId, i) =>
      from.bytes({
        cmd: 'publish',
        messageId,
        topic: `${roots[i % 3]}/a`,
        payload: 'x',
        qos: 1,
        dup: false,
        retain: false,
      }),
    )
    from.sendBytes(Buffer.concat(publishes))
    await from.gets('puback', MANY)
    expect(from.of('puback').map(({ messageId }) => messageId)).toEqual(ids)
  },
)

describe("one publisher's messages of a topic", () => {
  const numbers = (raw: Raw, qos: number) =>
    raw.messages.filter((message) => message.qos === qos).map(({ payload }) => Number(String(payload)))
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

  /** Both kinds alternate, each with numbers of its own. */
  function alternate(from: Raw, topic: string): void {
    for (const i of upTo(MANY)) {
      from.publish(topic, String(i), { qos: 0 })
      from.publish(topic, String(i), { qos: 1 })
    }
  }

  both(
    'reach every subscriber in the order they were published, for each QoS',
    '4.6.0-5 4.6.0-6',
    '4.6.0-5 4.6.0-6',
    async (version: Version) => {
      const topic = `${freshRoot()}/a`
      const all = await Promise.all([connect({ version }), connect({ version: 5 }), connect({ version: 4 })])
      await Promise.all(all.map((to, i) => to.subscribe(i === 0 ? `${topic}/#` : topic)))
      const acked = new Map<Raw, number>()
      for (const to of all)
        to.socket.on('message', () => {
          for (const { messageId } of to.messages.slice(acked.get(to) ?? 0))
            if (messageId > 0) to.answer('puback', messageId)
          acked.set(to, to.messages.length)
        })
      alternate(await connect({ version }), topic)
      for (const to of all) {
        await to.has(2 * MANY, 20_000)
        expect(numbers(to, 0)).toEqual(upTo(MANY))
        expect(numbers(to, 1)).toEqual(upTo(MANY))
      }
    },
  )

  both(
    'reach a session that was away in the order they were published',
    '4.6.0-5 4.6.0-6',
    '4.6.0-5 4.6.0-6',
    async (version) => {
      const topic = `${freshRoot()}/a`
      const id = fresh('away')
      const away = await connectAs(id, { version, ...KEPT })
      await away.subscribe(topic)
      await away.leave()
      const from = await connect({ version })
      await Promise.all(upTo(100).map((i) => from.published(topic, String(i))))
      const back = await connectAs(id, { version, ...KEPT })
      await back.has(100)
      expect(numbers(back, 1)).toEqual(upTo(100))
    },
  )

  it('reach a subscriber in order at QoS 2 too [MQTT-4.6.0-5] [MQTT-4.6.0-6]', async () => {
    // QoS 2 is not there yet.
    const topic = `${freshRoot()}/a`
    const to = await connect()
    await to.subscribe(topic, { qos: 2 })
    const from = await connect()
    for (const i of upTo(50)) {
      const id = from.publish(topic, String(i), { qos: 2 })
      from.answer('pubrel', id)
    }
    await from.gets('pubcomp', 50)
    await to.has(50)
    expect(numbers(to, 2)).toEqual(upTo(50))
  })
})
