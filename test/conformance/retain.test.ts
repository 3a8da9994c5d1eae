// Retained messages: what keeps, replaces and removes them, who is sent them, and with which RETAIN flag.
import { describe, expect, it } from 'vitest'
import type { Raw } from '../e2e/raw.ts'
import { until } from '../e2e/system.ts'
import { both, freshRoot, place } from './place.ts'

const { connect } = place()

/** What a new subscriber is sent on account of subscribing: it ends with a message that comes live. */
async function keptUnder(filter: string, from: Raw, root: string): Promise<[string, string, number][]> {
  const late = await connect({ version: from.version })
  await late.subscribe(filter)
  await from.published(`${root}/end`, 'end')
  await late.sees(() => late.texts.includes('end'), 'end')
  return late.messages
    .filter(({ retain }) => retain)
    .map(({ topic, payload, qos }) => [topic, String(payload), qos])
}

describe('a message with RETAIN 1', () => {
  both(
    'replaces the retained message of its topic, and later subscribers get the last one, marked RETAIN 1, at its QoS',
    '3.3.1-5 3.3.1-9',
    '3.3.1-5 3.3.1-6 3.3.1-8',
    async (version) => {
      const root = freshRoot()
      const from = await connect({ version })
      await from.published(`${root}/a`, 'old', { retain: true, qos: 0 })
      await from.published(`${root}/a`, 'new', { retain: true, qos: 1 })
      await from.published(`${root}/b`, 'b', { retain: true, qos: 1 })
      await from.published(`${root}/b/c`, 'c', { retain: true, qos: 1 })
      expect(await keptUnder(`${root}/+`, from, root)).toEqual([
        [`${root}/a`, 'new', 1],
        [`${root}/b`, 'b', 1],
      ])
    },
  )

  both(
    'and QoS 0 takes the place of one at QoS 1, with its QoS',
    '3.3.1-5',
    '3.3.1-7 3.3.1-5',
    async (version) => {
      const root = freshRoot()
      const from = await connect({ version })
      await from.published(`${root}/a`, 'old', { retain: true, qos: 1 })
      await from.published(`${root}/a`, 'new', { retain: true, qos: 0 })
      expect(await keptUnder(`${root}/+`, from, root)).toEqual([[`${root}/a`, 'new', 0]])
    },
  )

  both(
    'and no payload is delivered as any other, removes what was retained, and is not kept itself',
    '3.3.1-6 3.3.1-7',
    '3.3.1-10 3.3.1-11',
    async (version) => {
      const root = freshRoot()
      const from = await connect({ version })
      const present = await connect({ version })
      await present.subscribe(`${root}/+`)
      await from.published(`${root}/a`, 'kept', { retain: true })
      await from.published(`${root}/b`, 'other', { retain: true })
      await from.published(`${root}/a`, '', { retain: true })
      await from.published(`${root}/never`, '', { retain: true })
      expect(
        (await present.has(4)).map(({ topic, payload, retain }) => [topic, String(payload), retain]),
      ).toEqual([
        [`${root}/a`, 'kept', false],
        [`${root}/b`, 'other', false],
        [`${root}/a`, '', false],
        [`${root}/never`, '', false],
      ])
      expect(await keptUnder(`${root}/+`, from, root)).toEqual([[`${root}/b`, 'other', 1]])
    },
  )
})

both(
  'a message with RETAIN 0 neither stores, removes nor replaces a retained one',
  '3.3.1-8',
  '3.3.1-12',
  async (version) => {
    const root = freshRoot()
    const from = await connect({ version })
    await from.published(`${root}/a`, 'kept', { retain: true })
    await from.published(`${root}/a`, 'passing')
    await from.published(`${root}/a`, '')
    await from.published(`${root}/b`, 'passing')
    expect(await keptUnder(`${root}/+`, from, root)).toEqual([[`${root}/a`, 'kept', 1]])
  },
)

both(
  'an established subscription gets retained messages with RETAIN 0',
  '3.3.1-12',
  '3.3.1-9',
  async (version) => {
    const root = freshRoot()
    const to = await connect({ version })
    await to.subscribe(`${root}/a`)
    const from = await connect({ version })
    await from.published(`${root}/a`, 'kept', { retain: true })
    await from.published(`${root}/a`, 'passing')
    expect((await to.has(2)).map(({ retain }) => retain)).toEqual([false, false])
  },
)

it('with Retain As Published an established subscription gets RETAIN as it came [MQTT-3.3.1-13]', async () => {
  const root = freshRoot()
  const to = await connect()
  await to.subscribe(`${root}/a`, { rap: true })
  const from = await connect()
  await from.published(`${root}/a`, 'kept', { retain: true })
  await from.published(`${root}/a`, 'passing')
  expect((await to.has(2)).map(({ retain }) => retain)).toEqual([true, false])
})

describe('subscribing to a topic with a retained message', () => {
  /** Subscribes as often as there are handlings; how many retained messages each brought. */
  async function brought(handlings: readonly number[], unsubscribing = false): Promise<number[]> {
    const root = freshRoot()
    const from = await connect()
    await from.published(`${root}/a`, 'kept', { retain: true })
    const to = await connect()
    const counts: number[] = []
    for (const rh of handlings) {
      const before = to.messages.length
      await to.subscribe(`${root}/a`, { rh })
      await from.published(`${root}/a`, 'live')
      await to.sees(() => to.messages.slice(before).some(({ retain }) => !retain), 'live message')
      counts.push(to.messages.slice(before).filter(({ retain }) => retain).length)
      if (unsubscribing) await to.unsubscribe(`${root}/a`)
    }
    return counts
  }

  it('brings it each time with Retain Handling 0 [MQTT-3.3.1-9] [MQTT-3.8.4-4]', async () => {
    expect(await brought([0, 0])).toEqual([1, 1])
  })

  it('brings it with Retain Handling 1 only when the subscription is new [MQTT-3.3.1-10]', async () => {
    expect(await brought([1, 1])).toEqual([1, 0])
    expect(await brought([1, 1], true)).toEqual([1, 1])
    expect(await brought([2, 1])).toEqual([0, 0])
  })

  it('never brings it with Retain Handling 2 [MQTT-3.3.1-11]', async () => {
    expect(await brought([2, 2])).toEqual([0, 0])
  })

  it('brings it in 3.1.1 each time, marked RETAIN 1 [MQTT-3.8.4-3, 3.1.1] [MQTT-3.3.1-8, 3.1.1]', async () => {
    const root = freshRoot()
    const four = await connect({ version: 4 })
    await four.published(`${root}/a`, 'kept', { retain: true })
    await four.subscribe(`${root}/a`)
    await four.has(1)
    await four.subscribe(`${root}/a`)
    expect((await four.has(2)).map(({ payload, retain }) => [String(payload), retain])).toEqual([
      ['kept', true],
      ['kept', true],
    ])
  })
})

describe('a retained message that expires', () => {
  it('is gone when its time is over [MQTT-3.3.2-5]', async () => {
    const root = freshRoot()
    const from = await connect()
    await from.published(`${root}/brief`, 'brief', { retain: true, properties: { messageExpiryInterval: 1 } })
    await from.published(`${root}/long`, 'long', { retain: true })
    expect(await keptUnder(`${root}/+`, from, root)).toContainEqual([`${root}/long`, 'long', 1])
    await until(async () => (await keptUnder(`${root}/+`, from, root)).length === 1)
    expect(await keptUnder(`${root}/+`, from, root)).toEqual([[`${root}/long`, 'long', 1]])
  })

  it('says the time that is left [MQTT-3.3.2-6]', async () => {
    const root = freshRoot()
    const from = await connect()
    const to = await connect()
    await from.published(`${root}/a`, 'kept', { retain: true, properties: { messageExpiryInterval: 100 } })
    const left: number[] = []
    await until(async () => {
      await to.subscribe(`${root}/a`)
      await to.has(left.length + 1)
      left.push(to.messages.at(-1)?.properties?.messageExpiryInterval ?? 0)
      return left.at(-1) !== left[0]
    })
    expect(left[0]).toBeLessThanOrEqual(100)
    expect(left.at(-1)).toBeLessThan(left[0] ?? 0)
    expect(left.at(-1)).toBeGreaterThan(80)
  })
})
