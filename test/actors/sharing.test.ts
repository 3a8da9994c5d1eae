// Whose turn it is in a shared subscription: members that are there first, this region first, nobody twice.
import { describe, expect, test } from 'vitest'
import { NO_SUCH_SESSION } from '../../actors/leaf/outcome.ts'
import { Topic } from '../../actors/topic/topic.ts'
import type { ClientId, RegionId } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { decodeRouted, encodeRouted, type ShareTurn } from '../../src/relay/routed.ts'
import { CLIENT_AWAY, decodeDelivery } from '../../src/session/delivery.ts'
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
            for (const bytes of unpackBatch(batch)) {
              this.passed.push({
                to: to.kind === 'home' ? 'home' : to.region,
                turn: decodeRouted(bytes).turn,
              })
            }
            return new Uint8Array(unpackBatch(batch).length)
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

  async turn(turn: ShareTurn): Promise<number | undefined> {
    const bytes = encodeRouted(LAMP, record('rooms/1/a', 'turn'), turn)
    const shared = watch(this.topic.leaf.share('session of another', [bytes]))
    await this.platform.clock.pass(10)
    return shared.value()?.[0]
  }

  private answer(client: string, bytes: Uint8Array): number {
    if (this.gone.has(client)) return NO_SUCH_SESSION
    if (this.full.has(client)) return Reason.QuotaExceeded
    const { message, share } = decodeDelivery(bytes)
    const waits = share?.waits ?? false
    if (this.away.has(client) && !waits) return CLIENT_AWAY
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

  test('a member that is away is passed over, and asked last for a while', async () => {
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

  test('a member whose session has ended, or whose queue is full, is passed over', async () => {
    const place = new Place(EU)
    await place.members('gone', 'full', 'there')
    place.gone.add('gone')
    place.full.add('full')
    expect(await place.publish('1', '2')).toEqual([0, 0])
    expect(place.given.map(({ client }) => client)).toEqual(['there', 'there'])
  })

  test('with nobody there in this region it is another region’s turn, which is told who was tried', async () => {
    const place = new Place(EU)
    await place.members('a')
    await place.elsewhere(US, AP)
    place.away.add('a')
    await place.publish('1')
    expect(place.passed).toEqual([{ to: US, turn: { share: SHARE, tried: [EU], waits: false } }])
    expect(place.given).toEqual([])
  })

  test('when every region was tried, one that is away here keeps it', async () => {
    const place = new Place(EU)
    await place.members('a')
    await place.elsewhere(US)
    place.away.add('a')
    expect(await place.turn({ share: SHARE, tried: [US], waits: false })).toBe(0)
    expect(place.given).toEqual([{ client: 'a', text: 'turn', waits: true }])
    expect(place.passed).toEqual([])
  })

  test('with members only elsewhere, all of them away, one of those regions is told to keep it', async () => {
    const place = new Place(EU)
    await place.elsewhere(US)
    await place.turn({ share: SHARE, tried: [US], waits: false })
    expect(place.passed).toEqual([{ to: US, turn: { share: SHARE, tried: [], waits: true } }])
  })

  test('with all queues full the publisher learns it', async () => {
    const place = new Place(EU)
    await place.members('a', 'b')
    place.full.add('a').add('b')
    expect(await place.publish('1')).toEqual([Reason.QuotaExceeded])
  })

  test('with no other member a session keeps what it has', async () => {
    const place = new Place(EU)
    await place.topic.leaf.subscribe(LAMP, 'session of another', [subscriptionTo(SHARE)])
    await place.publish('1')
    expect(await place.turn({ share: SHARE, tried: [], waits: false })).toBe(CLIENT_AWAY)
  })

  test('a region that withdraws a share is passed no more of it, and keeps its other wishes', async () => {
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
  test('a turn goes to a member that is there', async () => {
    const place = new Place(US)
    await place.members('a', 'b')
    place.away.add('a')
    await place.turn({ share: SHARE, tried: [], waits: false })
    expect(place.given).toEqual([{ client: 'b', text: 'turn', waits: false }])
  })

  test('with nobody there the turn goes back to the home', async () => {
    const place = new Place(US)
    await place.members('a')
    place.away.add('a')
    await place.turn({ share: SHARE, tried: [US], waits: false })
    expect(place.passed).toEqual([{ to: 'home', turn: { share: SHARE, tried: [US, EU], waits: false } }])
  })

  test('a turn that waits is kept for a member that is away', async () => {
    const place = new Place(US)
    await place.members('a')
    place.away.add('a')
    await place.turn({ share: SHARE, tried: [], waits: true })
    expect(place.given).toEqual([{ client: 'a', text: 'turn', waits: true }])
  })

  test('the home is told which shares have members here, and when the last has gone', async () => {
    const told: unknown[] = []
    const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
      core: fakeCore(US, {
        interest: async ({ change, plain, shares }) => {
          told.push({ change, plain, shares })
          return { home: { region: US, epoch: 1 }, retained: [] }
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
