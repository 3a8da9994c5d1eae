// Shared subscriptions: which filters they have, and how their members part the messages among them.
import { describe, expect, it } from 'vitest'
import type { Raw } from '../e2e/raw.ts'
import { until } from '../e2e/system.ts'
import { fresh, freshRoot, KEPT, place, tags } from './place.ts'

const { connect, connectAs } = place()

/** Shared subscriptions are refused with 0x9E so far. */
describe('a shared filter', () => {
  it.each(['$share//a/b', '$share/', '$share/g', '$share/g/', '$share/g+/a', '$share/g#/a', '$share/+/a'])(
    `%s is none, and is refused with 0x8F${tags(5, '4.8.2-1 4.8.2-2')}`,
    async (filter) => {
      expect(await (await connect()).subscribe(filter)).toEqual([0x8f])
    },
  )

  it(`begins with $share/, a name and a slash, and what follows is its filter${tags(5, '4.8.2-1 4.8.2-2')}`, async () => {
    const root = freshRoot()
    const member = await connect()
    expect(await member.subscribe(`$share/a group/${root}/+`, { qos: 0 })).toEqual([0])
    const from = await connect()
    await from.published(`$share/a group/${root}/x`, 'not this')
    await from.published(`${root}/x/y`, 'nor this')
    await from.published(`${root}/x`, 'x')
    await member.has(1)
    expect(member.texts).toEqual(['x'])
  })
})

/** Members of a group, each with its own granted QoS. */
async function group(root: string, qos: readonly (0 | 1 | 2)[], name = 'g'): Promise<Raw[]> {
  return Promise.all(
    qos.map(async (one) => {
      const member = await connect()
      expect(await member.subscribe(`$share/${name}/${root}/#`, { qos: one })).toEqual([one])
      return member
    }),
  )
}

const all = (members: readonly Raw[]) => members.flatMap(({ texts }) => texts)

/** Waits until the group has so many, and all that was on its way to those who are there has come. */
async function allHave(members: readonly Raw[], count: number): Promise<void> {
  await until(() => all(members).length >= count, 5_000)
  for (const member of members) if (member.closeCode === null) await member.ping()
}

describe('the members of a shared subscription', () => {
  it('get each message once among them, and none gets all', async () => {
    const root = freshRoot()
    const members = await group(root, [1, 1, 1])
    const from = await connect()
    const texts = Array.from({ length: 60 }, (_, i) => String(i))
    // At once: the members acknowledge nothing, and each publish waits a bounded moment for that.
    await Promise.all(texts.map((text) => from.published(`${root}/${Number(text) % 7}`, text)))
    await allHave(members, 60)
    expect(all(members).sort()).toEqual(texts.toSorted())
    expect(members.filter((member) => member.texts.length > 0).length).toBeGreaterThan(1)
  })

  it(`get messages at the QoS that each was granted${tags(5, '4.8.2-3')}`, async () => {
    const root = freshRoot()
    const members = await group(root, [0, 1])
    const from = await connect()
    for (let i = 0; i < 40; i++) await from.published(`${root}/${i}`, String(i))
    await allHave(members, 40)
    expect(members[0]?.messages.every(({ qos }) => qos === 0)).toBe(true)
    expect(members[1]?.messages.every(({ qos }) => qos === 1)).toBe(true)
    expect(members.every(({ messages }) => messages.length > 0)).toBe(true)
  })

  it('are apart from those of another name, and from subscriptions that are not shared', async () => {
    const root = freshRoot()
    const [one] = await group(root, [1], 'one')
    const [other] = await group(root, [1], 'other')
    const alone = await connect()
    await alone.subscribe(`${root}/#`)
    await (await connect()).published(`${root}/a`, 'x')
    for (const to of [one, other, alone]) {
      await to?.has(1)
      expect(to?.texts).toEqual(['x'])
    }
  })

  it('get no retained messages for subscribing', async () => {
    const root = freshRoot()
    const from = await connect()
    await from.published(`${root}/a`, 'kept', { retain: true })
    const [member] = await group(root, [1])
    await from.published(`${root}/a`, 'live')
    await member?.has(1)
    await member?.ping()
    expect(member?.texts).toEqual(['live'])
  })

  it('get a Subscription Identifier, each its own', async () => {
    const root = freshRoot()
    const member = await connect()
    expect(await member.subscribe(`$share/g/${root}/a`, {}, 12)).toEqual([1])
    await (await connect()).published(`${root}/a`, 'x')
    expect((await member.has(1))[0]?.properties?.subscriptionIdentifier).toBe(12)
  })

  it(`that leave get no more, and the others get all${tags(5, '3.10.4-2')}`, async () => {
    const root = freshRoot()
    const members = await group(root, [1, 1])
    expect(await members[0]?.unsubscribe(`$share/g/${root}/#`)).toEqual([0])
    const from = await connect()
    for (let i = 0; i < 10; i++) await from.published(`${root}/a`, String(i))
    await members[1]?.has(10)
    await members[0]?.ping()
    expect(members[0]?.texts).toEqual([])
  })

  it(`discard a message with a PUBACK that refuses it: nobody gets it again${tags(5, '4.8.2-6')}`, async () => {
    const root = freshRoot()
    const members = await group(root, [1, 1])
    const from = await connect()
    await from.published(`${root}/a`, 'refused')
    await allHave(members, 1)
    const taker = members.find(({ texts }) => texts.length > 0)
    taker?.answer('puback', taker.messages[0]?.messageId ?? 0, 0x83)
    await taker?.leave()
    await from.published(`${root}/a`, 'end')
    await allHave(members, 2)
    expect(all(members).sort()).toEqual(['end', 'refused'])
  })
})

describe('a shared delivery at QoS 2', () => {
  /** A member that was sent a message and has not answered, and one that might get it in its place. */
  async function cutOff(root: string) {
    const id = fresh('member')
    const taker = await connectAs(id, KEPT)
    expect(await taker.subscribe(`$share/g/${root}/#`, { qos: 2 })).toEqual([2])
    await (await connect()).published(`${root}/a`, 'x', { qos: 2 })
    const [message] = await taker.has(1)
    const [other] = await group(root, [2])
    return { id, taker, message, other: other as Raw }
  }

  it(`that was cut off is completed when its client returns${tags(5, '4.8.2-4')}`, async () => {
    const { id, taker, message, other } = await cutOff(freshRoot())
    taker.drop()
    const back = await connectAs(id, KEPT)
    expect((await back.has(1))[0]).toMatchObject({ dup: true, messageId: message?.messageId })
    back.answer('pubrec', message?.messageId ?? 0)
    await back.gets('pubrel')
    back.answer('pubcomp', message?.messageId ?? 0)
    await back.ping()
    await other.ping()
    expect(other.texts).toEqual([])
  })

  it(`goes to no other member when the client's session ends instead${tags(5, '4.8.2-5')}`, async () => {
    const root = freshRoot()
    const { id, taker, other } = await cutOff(root)
    taker.drop()
    const anew = await connectAs(id)
    await (await connect()).published(`${root}/a`, 'end', { qos: 2 })
    await other.has(1)
    await anew.ping()
    expect(other.texts).toEqual(['end'])
    expect(anew.texts).toEqual([])
  })

  it(`that is refused with PUBREC is discarded${tags(5, '4.8.2-6')}`, async () => {
    const root = freshRoot()
    const { taker, message, other } = await cutOff(root)
    taker.answer('pubrec', message?.messageId ?? 0, 0x83)
    await taker.unsubscribe(`$share/g/${root}/#`)
    await (await connect()).published(`${root}/a`, 'end', { qos: 2 })
    await other.has(1)
    expect(other.texts).toEqual(['end'])
  })
})
