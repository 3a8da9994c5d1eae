// Whose turn it is in a shared subscription: members that are there first, this region first, nobody twice.

import { describe, expect, test } from 'vitest'
import { Topic } from '../../actors/topic/topic.ts'
import type { ClientId, RegionId } from '../../src/id/ids.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import { decodeRouted, encodeRouted, type ShareTurn } from '../../src/relay/routed.ts'
import { decodeDelivery } from '../../src/session/delivery.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, LAMP, ROOM, record, subscriptionTo, textOf, US, watch } from './samples.ts'

const AP = 'ap' as RegionId
const SHARE = '$share/g/rooms/1/#'

interface Given {
  readonly client: string
  readonly text: string
  readonly waits: boolean
}

/** A leaf in `eu`; members answer as their names are in `away` or `gone`. */
class Place {
  readonly given: Given[] = []
  readonly passed: { readonly to: string; readonly turn: ShareTurn | null }[] = []
  readonly away = new Set<string>()
  readonly gone = new Set<string>()
  readonly full = new Set<string>()
  readonly refusing = new Set<string>()
  /** Regions to which the uplink passes nothing on. */
  readonly failing = new Set<string>()
  /** Regions that answer that nobody is there. */
  readonly nobodyThere = new Set<string>()
  private turns = 0
  readonly platform: FakePlatform
  readonly topic: Topic

  constructor(home: RegionId) {
    this.platform = new FakePlatform(addressOf('topic', EU, ROOM), {
      core: fakeCore(home),
      peers: fakePeers({
        device: (client) => ({
          deliver: async (_session, batch) =>
            Uint8Array.from(unpackBatch(batch).map((bytes) => this.answer(client, bytes))),
        }),
        uplink: () => ({
          send: async (_root, to, _hint, batch) => {
            const where = to.kind === 'home' ? 'home' : to.region
            return Uint8Array.from(
              unpackBatch(batch).map((bytes) => {
                const { turn } = decodeRouted(bytes)
                this.passed.push({ to: where, turn })
                if (this.failing.has(where)) return Reason.UnspecifiedError
                return turn?.mode === 'offer' && this.nobodyThere.has(where) ? Outcome.ClientAway : 0
              }),
            )
          },
        }),
      }),
    })
    this.topic = new Topic(this.platform, ROOM)
  }

  async members(...clients: string[]): Promise<void> {
    for (const client of clients) {
      await this.topic.leaf.subscribe(client as ClientId, `session of ${client}`, [subscriptionTo(SHARE)])
    }
  }

  async elsewhere(...regions: RegionId[]): Promise<void> {
    for (const region of regions) {
      await this.topic.leaf.interest({
        fleet: this.platform.fleet,
        root: ROOM,
        region,
        epoch: 1,
        change: 'add',
        order: 1,
        plain: false,
        shares: [SHARE],
        filters: [],
      })
    }
  }

  async publish(...texts: string[]): Promise<number[]> {
    const outcomes: number[] = []
    for (const text of texts) {
      const published = watch(this.topic.leaf.publish(LAMP, [record('rooms/1/a', text)]))
      await this.platform.clock.pass(10)
      outcomes.push(...(published.value() ?? []))
    }
    return outcomes
  }

  /** A session that is away gives it up. */
  async givenUp(mode: ShareTurn['mode']): Promise<number | undefined> {
    const bytes = encodeRouted(LAMP, record('rooms/1/a', 'turn'), { share: SHARE, mode, without: [] })
    const shared = watch(this.topic.leaf.share('session of giver', [bytes]))
    await this.platform.clock.pass(10)
    return shared.value()?.[0]
  }

  /** The home gives the turn to this region. */
  async turn(mode: ShareTurn['mode']): Promise<number | undefined> {
    const bytes = encodeRouted(LAMP, record('rooms/1/a', 'turn'), { share: SHARE, mode, without: [] })
    const envelope: Envelope = {
      fleet: this.platform.fleet,
      root: ROOM,
      to: { kind: 'region', region: EU, epoch: 1 },
      source: `source ${this.turns++}`,
      first: 0,
      clock: this.platform.now(),
      records: packBatch([bytes]),
    }
    const received = watch(this.topic.leaf.receive(envelope, 1))
    await this.platform.clock.pass(10)
    const result = received.value()
    return result?.status === 'done' ? result.outcomes[0] : undefined
  }

  private answer(client: string, bytes: Uint8Array): number {
    if (this.gone.has(client)) return Outcome.NoSuchSession
    const { message, share } = decodeDelivery(bytes)
    if (this.full.has(client) && share?.drops !== true) return Reason.QuotaExceeded
    if (this.refusing.has(client)) return Reason.QuotaExceeded
    const waits = share?.waits ?? false
    if (this.away.has(client) && !waits) return Outcome.ClientAway
    this.given.push({ client, text: textOf(message.payload), waits })
    return Reason.Success
  }
}

describe('at the home', () => {
  test('members take turns', async () => {
    const place = new Place(EU)
    await place.members('a', 'b', 'c')
    expect(await place.publish('1', '2', '3', '4')).toEqual([0, 0, 0, 0])
    expect(place.given.map(({ client }) => client)).toEqual(['a', 'b', 'c', 'a'])
  })

  test('a member that is away is skipped, and asked last for a while', async () => {
    const place = new Place(EU)
    await place.members('a', 'b')
    place.away.add('a')
    await place.publish('1', '2', '3')
    expect(place.given.map(({ client }) => client)).toEqual(['b', 'b', 'b'])
    place.away.delete('a')
    await place.platform.clock.pass(5_000)
    await place.publish('4', '5')
    expect(place.given.slice(3).map(({ client }) => client)).toContain('a')
  })

  test('a member whose session has ended, or whose queue is full, is skipped', async () => {
    const place = new Place(EU)
    await place.members('gone', 'full', 'there')
    place.gone.add('gone')
    place.full.add('full')
    expect(await place.publish('1', '2')).toEqual([0, 0])
    expect(place.given.map(({ client }) => client)).toEqual(['there', 'there'])
  })

  test('with nobody there in this region it is offered to the others', async () => {
    const place = new Place(EU)
    await place.members('a')
    await place.elsewhere(US, AP)
    place.away.add('a')
    place.nobodyThere.add(US)
    expect(await place.publish('1')).toEqual([0])
    const offer = { share: SHARE, mode: 'offer', without: [] }
    expect(place.passed).toEqual([
      { to: US, turn: offer },
      { to: AP, turn: offer },
    ])
    expect(place.given).toEqual([])
  })

  test('with nobody there anywhere, one that is away here keeps it', async () => {
    const place = new Place(EU)
    await place.members('a')
    await place.elsewhere(US)
    place.away.add('a')
    place.nobodyThere.add(US)
    expect(await place.publish('1')).toEqual([0])
    expect(place.given).toEqual([{ client: 'a', text: '1', waits: true }])
  })

  test('with members only elsewhere, all of them away, one of those regions is to keep it', async () => {
    const place = new Place(EU)
    await place.elsewhere(US)
    place.nobodyThere.add(US)
    await place.publish('1')
    expect(place.passed.map(({ turn }) => turn?.mode)).toEqual(['offer', 'keep'])
  })

  test('the last member of one region being gone, the next region keeps it', async () => {
    const place = new Place(EU)
    await place.members('gone')
    place.gone.add('gone')
    await place.elsewhere(US)
    place.nobodyThere.add(US)
    expect(await place.publish('1')).toEqual([0])
    expect(place.passed.map(({ turn }) => turn?.mode)).toEqual(['offer', 'keep'])
  })

  test('with all queues full, and sessions that refuse, the publisher learns it', async () => {
    const place = new Place(EU)
    await place.members('a', 'b')
    place.refusing.add('a').add('b')
    expect(await place.publish('1')).toEqual([Reason.QuotaExceeded])
    expect(await place.turn('keep')).toBe(Reason.QuotaExceeded)
  })

  test('with all queues full one member drops its oldest, once no other member has room', async () => {
    const place = new Place(EU)
    await place.members('a', 'b', 'c')
    place.full.add('a').add('b')
    place.away.add('c')
    expect(await place.publish('1')).toEqual([0])
    expect(place.given.map(({ client }) => client)).toEqual(['c'])
    place.full.add('c')
    place.refusing.add('a')
    expect(await place.publish('2', '3')).toEqual([0, 0])
    expect(place.given.slice(1).every(({ client }) => client !== 'a')).toBe(true)
    expect(await place.turn('keep')).toBe(0)
  })

  test('where the way to the last members failed, whoever has the message learns that, and not that there are none', async () => {
    const place = new Place(EU)
    await place.elsewhere(US)
    place.failing.add(US)
    expect(await place.publish('1')).toEqual([Reason.UnspecifiedError])
    expect(await place.givenUp('choose')).toBe(Reason.UnspecifiedError)
    await place.members('gone')
    place.gone.add('gone')
    expect(await place.publish('1')).toEqual([Reason.UnspecifiedError])
  })

  test('what a session offers goes to another that is there, never back to it, and stays with nobody there', async () => {
    const place = new Place(EU)
    await place.topic.leaf.subscribe('giver' as ClientId, 'session of giver', [subscriptionTo(SHARE)])
    await place.members('other')
    place.away.add('giver').add('other')
    expect(await place.givenUp('offer')).toBe(Outcome.ClientAway)
    expect(place.given).toEqual([])
    place.away.delete('other')
    expect(await place.givenUp('offer')).toBe(0)
    expect(place.given.map(({ client }) => client)).toEqual(['other'])
  })

  test('what an ended session leaves is kept by one that is away', async () => {
    const place = new Place(EU)
    await place.members('other')
    place.away.add('other')
    expect(await place.givenUp('choose')).toBe(0)
    expect(place.given).toEqual([{ client: 'other', text: 'turn', waits: true }])
  })

  test('a region that withdraws a share gets no more of it, and keeps its other interests', async () => {
    const place = new Place(EU)
    await place.elsewhere(US)
    const fleet = place.platform.fleet
    const wish = { fleet, root: ROOM, region: US, epoch: 1, filters: [] }
    await place.topic.leaf.interest({ ...wish, change: 'add', order: 2, plain: true, shares: [] })
    expect(place.topic.leaf.interests.all).toEqual([{ region: US, plain: true, shares: [SHARE] }])
    await place.topic.leaf.interest({ ...wish, change: 'only', order: 3, plain: true, shares: [] })
    await place.publish('1')
    expect(place.passed).toEqual([{ to: US, turn: null }])
  })
})

describe('in another region', () => {
  test('an offer goes to a member that is there, or is answered that none is', async () => {
    const place = new Place(US)
    await place.members('a', 'b')
    place.away.add('a')
    expect(await place.turn('offer')).toBe(0)
    place.away.add('b')
    expect(await place.turn('offer')).toBe(Outcome.ClientAway)
    expect(place.given).toEqual([{ client: 'b', text: 'turn', waits: false }])
    expect(place.passed).toEqual([])
  })

  test('what is to be kept is kept for a member that is away', async () => {
    const place = new Place(US)
    await place.members('a')
    place.away.add('a')
    expect(await place.turn('keep')).toBe(0)
    expect(place.given).toEqual([{ client: 'a', text: 'turn', waits: true }])
  })

  test('with the last member gone meanwhile, the home is to choose anew, and not this region', async () => {
    const place = new Place(US)
    expect(await place.turn('keep')).toBe(0)
    expect(place.passed).toEqual([{ to: 'home', turn: { share: SHARE, mode: 'choose', without: [EU] } }])
  })

  test('what a session offers and nobody here takes, the home is to offer', async () => {
    const place = new Place(US)
    await place.members('other')
    place.away.add('other')
    place.nobodyThere.add('home')
    expect(await place.givenUp('offer')).toBe(Outcome.ClientAway)
    expect(place.passed).toEqual([{ to: 'home', turn: { share: SHARE, mode: 'offer', without: [] } }])
  })

  test('the home learns which shares have members here, and when the last has gone', async () => {
    const told: unknown[] = []
    const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
      core: fakeCore(US, {
        interest: async ({ change, order, plain, shares }) => {
          told.push({ change, plain, shares })
          return { home: { region: US, epoch: 1 }, order, clock: 0, retained: [] }
        },
      }),
    })
    const { leaf } = new Topic(platform, ROOM)
    const client = 'a' as ClientId
    await leaf.subscribe(client, 's', [subscriptionTo(SHARE)])
    await leaf.subscribe(client, 's', [subscriptionTo('rooms/1/x')])
    leaf.unsubscribe(client, 's', [SHARE])
    await platform.clock.pass(10)
    expect(told).toEqual([
      { change: 'add', plain: false, shares: [SHARE] },
      { change: 'add', plain: true, shares: [SHARE] },
      { change: 'only', plain: true, shares: [] },
    ])
  })
})

test('a batch of turns is answered in order', async () => {
  const place = new Place(EU)
  await place.members('a')
  const batch = packBatch([])
  expect(await place.topic.leaf.share('x', unpackBatch(batch))).toEqual(new Uint8Array(0))
})
