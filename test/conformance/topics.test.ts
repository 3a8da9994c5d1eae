// Topic names and filters on the wire: which filter gets which topic, how long they may be, what is compared.
import { describe, expect, it } from 'vitest'
import { framed } from '../mqtt/wire.ts'
import { both, freshRoot, place, refused, type Version } from './place.ts'

const { connect } = place()

/** Which of the topics reach a subscriber of the filter. */
async function reached(version: Version, filter: string, topics: readonly string[]): Promise<string[]> {
  const end = `${freshRoot()}/end`
  const to = await connect({ version })
  expect(await to.subscribe(filter)).toEqual([1])
  const from = await connect({ version })
  for (const topic of topics) await from.published(topic, 'x')
  await to.subscribe(end)
  await from.published(end, 'end')
  await to.sees(() => to.texts.includes('end'), 'end')
  return [...new Set(to.messages.map(({ topic }) => topic))].filter((topic) => topic !== end)
}

type Row = [filter: string, matching: readonly string[], others: readonly string[]]

/** `R` stands for a root that no other test has. */
function matching(five: string, older: string, rows: readonly Row[]): void {
  for (const [filter, matches, others] of rows) {
    const prove = async (version: Version) => {
      const root = freshRoot()
      const at = (topic: string) => topic.replace('R', root)
      const got = await reached(version, at(filter), [...others, ...matches].map(at))
      expect(got).toEqual(matches.map(at))
    }
    both(`${filter} gets what it matches and nothing else`, five, older, prove)
  }
}

describe('a filter with a literal root', () => {
  matching('3.3.2-3 4.7.1-1', '3.3.2-3 4.7.1-2', [
    ['R/#', ['R', 'R/', 'R/a', 'R/a/b', 'R//x'], ['R-2/a', 'Rx']],
    ['R/a/#', ['R/a', 'R/a/b', 'R/a/b/c'], ['R', 'R/ab', 'R/b/a']],
  ])
  matching('3.3.2-3 4.7.1-2', '3.3.2-3 4.7.1-3', [
    ['R/+', ['R/a', 'R/'], ['R', 'R/a/b', 'R/a/']],
    ['R/+/b', ['R/a/b', 'R//b'], ['R/b', 'R/a/b/c', 'R/a/c']],
    ['R/+/+', ['R/a/b', 'R/a/'], ['R/a', 'R/a/b/c']],
    ['R/+/#', ['R/a', 'R/a/b'], ['R']],
  ])
  matching('3.3.2-3 4.7.3-4', '3.3.2-3 4.7.3-4', [
    ['R/a', ['R/a'], ['R/A', 'R/a/', 'R/ a', 'R//a', 'R/a\u0301']],
    // U+00E9, and the same as two characters; the byte order mark is a character.
    ['R/\u00e9', ['R/\u00e9'], ['R/e\u0301', 'R/e']],
    ['R/\ufeffa', ['R/\ufeffa'], ['R/a']],
    ['R/a b/\u{1f600}', ['R/a b/\u{1f600}'], ['R/ab/\u{1f600}']],
    ['R/$a/+', ['R/$a/b'], ['R/a/b']],
  ])
})

describe('a wide filter', () => {
  matching('3.3.2-3 4.7.1-2', '3.3.2-3 4.7.1-3', [
    ['+/only-here/x', ['a/only-here/x', '/only-here/x'], ['a/b/x']],
  ])
  matching('3.3.2-3 4.7.1-2', '3.3.2-3 4.7.1-3', [
    ['wide-plus/+', ['wide-plus/a', 'wide-plus/'], ['wide-plus']],
  ])
  matching('3.3.2-3 4.7.1-1', '3.3.2-3 4.7.1-2', [
    ['wide-hash/#', ['wide-hash', 'wide-hash/a', 'wide-hash/a/b'], ['wide-hashes']],
  ])
  both('# gets every topic', '3.3.2-3 4.7.1-1', '3.3.2-3 4.7.1-2', async (version) => {
    const root = freshRoot()
    const to = await connect({ version })
    expect(await to.subscribe('#')).toEqual([1])
    const from = await connect({ version })
    for (const topic of [root, '/', `${root}/a/b`, 'one']) await from.published(topic, root)
    await to.sees(() => to.texts.filter((text) => text === root).length >= 4, 'four messages')
    const topics = to.messages.map(({ topic }) => topic)
    expect(topics).toEqual(expect.arrayContaining([root, '/', `${root}/a/b`, 'one']))
  })
  it('is left by UNSUBSCRIBE [MQTT-3.10.4-2]', async () => {
    const root = freshRoot()
    const to = await connect()
    expect(await to.subscribe('+/#')).toEqual([1])
    expect(await to.unsubscribe('+/#')).toEqual([0])
    const from = await connect()
    await from.published(`${root}/a`, 'no more')
    await to.subscribe(`${root}/end`)
    await from.published(`${root}/end`, 'end')
    await to.has(1)
    expect(to.texts).toEqual(['end'])
  })
  it('that overlaps a narrow one sends one copy with both identifiers, or a copy for each with its own [MQTT-3.3.4-3] [MQTT-3.3.4-5]', async () => {
    const root = freshRoot()
    const to = await connect()
    expect(await to.subscribe('proofs/#', {}, 1)).toEqual([1])
    await to.subscribe(`${root}/a`, {}, 2)
    const from = await connect()
    await from.published(`${root}/a`, 'x')
    const identifiers = () =>
      to.messages.flatMap(({ properties }) => properties?.subscriptionIdentifier ?? []).sort()
    await to.sees(() => identifiers().length === 2, 'two identifiers')
    expect(identifiers()).toEqual([1, 2])
  })
  it('gets the retained messages of every root [MQTT-3.3.1-9]', async () => {
    const from = await connect()
    await from.published('kept-one/a', '1', { retain: true })
    await from.published('kept-two/a', '2', { retain: true })
    const to = await connect()
    expect(await to.subscribe('+/a')).toEqual([1])
    await to.has(2)
    expect(to.texts.sort()).toEqual(['1', '2'])
  })
})

describe('a topic', () => {
  both(
    'may be a single separator, begin with one, or have empty levels',
    '4.7.3-1',
    '4.7.3-1',
    async (version) => {
      for (const topic of ['/', '/finance', 'finance/', 'a//b', ' ', '//'])
        expect(await reached(version, topic, [topic])).toEqual([topic])
    },
  )

  const long = (levels: string, bytes: number) => levels + 'x'.repeat(bytes - levels.length)
  const whole = (levels: string) => async (version: Version) => {
    const topic = long(levels, 65_535)
    const got = await reached(version, `${levels}#`, [topic])
    expect(got.map((one) => one.length)).toEqual([65_535])
    expect(got[0] === topic).toBe(true)
  }
  both('may be 65,535 bytes long in its third level', '4.7.3-3', '4.7.3-3', whole('proofs/long/'))
})

describe('a root of more than 900 bytes, which is no actor’s name,', () => {
  it('is refused by name, and closes nothing', async () => {
    const raw = await connect()
    expect(await raw.subscribe('x'.repeat(901))).toEqual([0x8f])
    expect(await raw.subscribe('x'.repeat(900))).toEqual([1])
    raw.publish('x'.repeat(901), '', { qos: 1 })
    expect(await raw.gets('puback')).toMatchObject({ reasonCode: 0x90 })
  })
})

describe('a filter that is none', () => {
  it.each(['a/#/b', 'a/b#', '#a', 'a/#b'])(
    '%s: # stands alone and last, so it is refused [MQTT-4.7.1-1] [MQTT-4.7.1-2, 3.1.1]',
    async (filter) => {
      expect(await (await connect()).subscribe(filter)).toEqual([0x8f])
      expect(await (await connect({ version: 4 })).subscribe(filter)).toEqual([0x80])
    },
  )

  it.each(['a+', '+a/b', 'a/b+/c'])(
    '%s: + takes a whole level, so it is refused [MQTT-4.7.1-2] [MQTT-4.7.1-3, 3.1.1]',
    async (filter) => {
      expect(await (await connect()).subscribe(filter)).toEqual([0x8f])
      expect(await (await connect({ version: 4 })).subscribe(filter)).toEqual([0x80])
    },
  )

  it('is empty, and is refused [MQTT-4.7.3-1] [MQTT-4.7.3-1, 3.1.1]', async () => {
    for (const version of [5, 4] as const) {
      const to = await connect({ version })
      to.sendBytes(framed(0x82, `0001 ${version === 5 ? '00' : ''} 0000 01`))
      expect(await to.gets('suback')).toMatchObject({ granted: [version === 5 ? 0x8f : 0x80] })
    }
  })

  it('has U+0000, and ends the connection [MQTT-4.7.3-2] [MQTT-4.7.3-2, 3.1.1]', async () => {
    await refused(await connect(), framed(0x82, '0001 00 0003 612f00 01'), 0x81)
    await refused(await connect({ version: 4 }), framed(0xa2, '0001 0003 612f00'), 0)
  })
})
