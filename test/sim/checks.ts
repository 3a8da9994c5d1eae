// Judges a run by what its clients saw: which of the promises (docs/architecture.md) were not kept.
import type { RegionId, Root } from '../../src/id/ids.ts'
import { matches, parseShared, plainFilter } from '../../src/mqtt/topic.ts'
import { HARMLESS } from './faults.ts'
import { type Delivered, lasts, type Published, refused, type Subscribed, succeeded } from './history.ts'
import { mayHaveTwoSessions, mayMiss } from './may-miss.ts'
import { allMemoryReleased } from './memory-check.ts'
import { presenceInOrder } from './presence-check.ts'
import { retainedEverywhere } from './retained-check.ts'
import { shadowsHaveAll } from './shadow-check.ts'
import { willsInTime } from './will-check.ts'
import type { World } from './world.ts'

export function judge(world: World): void {
  const seen = new Seen(world)
  everythingAcknowledgedArrived(world, seen)
  eachPublishersOrder(world, seen)
  oneConnectionEach(world)
  world.watch.oneHomeEach()
  nothingRepeated(world, seen)
  sharedReachOne(world, seen)
  oneOrderForAll(world, seen)
  exactlyOnce(world, seen)
  cutOffGoesOn(world, seen)
  nothingExpiredCame(world)
  retainedEverywhere(world)
  presenceInOrder(world)
  shadowsHaveAll(world)
  willsInTime(world)
  allMemoryReleased(world)
}

/** Deliveries by client, in the order in which they came. */
class Seen {
  private readonly byClient = new Map<string, Delivered[]>()

  constructor(world: World) {
    for (const delivered of world.history.delivered) {
      const list = this.byClient.get(delivered.client)
      if (list === undefined) this.byClient.set(delivered.client, [delivered])
      else list.push(delivered)
    }
  }

  of(client: string): readonly Delivered[] {
    return this.byClient.get(client) ?? []
  }
}

/** Promises 1, 5 and 6: acknowledged, and after SUBACK, so it must have come, whatever died meanwhile, unless a full queue dropped and counted it. */
function everythingAcknowledgedArrived(world: World, seen: Seen): void {
  const { history } = world
  for (const subscribed of history.subscribed) {
    if (subscribed.endedAt !== null || subscribed.qos === 0 || parseShared(subscribed.filter) !== null)
      continue
    const client = world.clients.find(({ id }) => id === subscribed.client)
    if (client?.current == null) {
      world.breach('error', `${subscribed.client} is not connected at the end`)
      continue
    }
    const got = new Set(seen.of(subscribed.client).map(({ published }) => published))
    for (const published of history.published) {
      if (published.qos === 0 || published.at < subscribed.at || !succeeded(published)) continue
      if (!lasts(published)) continue
      if (got.has(published) || !matches(subscribed.filter, published.topic)) continue
      if (mayMiss(world, subscribed, published)) continue
      if (history.wasDropped(subscribed.client, published)) continue
      world.breach(
        client.manner.kept ? 'durable' : 'subscribed',
        `p${published.number} to ${published.topic} never came to ${subscribed.client}, subscribed to ${subscribed.filter}`,
      )
    }
  }
}

/** Clients that were connected in more than one region. */
function movers(world: World): ReadonlySet<string> {
  const regions = new Map<string, Set<string>>()
  for (const { client, region } of world.history.connected) {
    const known = regions.get(client)
    if (known === undefined) regions.set(client, new Set([region]))
    else known.add(region)
  }
  return new Set([...regions].flatMap(([client, { size }]) => (size > 1 ? [client] : [])))
}

/**
 * Promise 3: what one client publishes to a root comes in its order, repeats aside. Conceded: to a client that moves, what
 * is late of roots that are not its own; to others, what is late of a root whose home has moved; and what a client
 * publishes here and there, while what it published first still waits in that region's outbox. And where a call between actors
 * may be made again: of two that it carries a full queue may have refused the first one the first time.
 */
function eachPublishersOrder(world: World, seen: Seen): void {
  if (world.mayFill && !world.faults.only(HARMLESS, 'freezes')) return
  const moved = movers(world)
  const conceded = (subscriber: string, { root, at }: Published) => {
    const owner = root.startsWith('devices/') ? root.slice('devices/'.length) : null
    // What a lost home had accepted comes late, when its region is back.
    const own = world.watch.failOvers.some(
      (one) => one.root === `devices/${subscriber}` && at < (one.endedAt ?? Number.POSITIVE_INFINITY),
    )
    const late = own || world.watch.importedLate(`devices/${subscriber}` as Root, at)
    return late || (owner !== subscriber && (moved.has(subscriber) || (owner !== null && moved.has(owner))))
  }
  for (const { id } of world.clients) {
    const last = new Map<string, Published>()
    const before = new Set<Published>()
    for (const delivered of seen.of(id)) {
      const { published, retain, qos } = delivered
      if (retain || published.will || published.again || before.has(published)) continue
      if (sharesToo(world, id, published)) continue
      before.add(published)
      // It promises no order, but what comes again is a repeat, by a subscription with more QoS by then.
      if (qos === 0) continue
      if (conceded(id, published) || !wasSubscribed(world, delivered)) continue
      // Sent again, one that had expired, or that a full queue had refused and nobody was told, is a newer message.
      if (published.resent && (moved.has(published.client) || !lasts(published) || world.mayFill)) continue
      const key = `${published.client} ${published.region} ${published.root}`
      const newest = last.get(key)
      if (newest !== undefined && newest.number > published.number) {
        if (succeeded(published) && succeeded(newest))
          world.breach(
            'one order',
            `${id} got p${newest.number} before p${published.number}, both of ${published.client} to ${published.root}`,
          )
      } else {
        last.set(key, published)
      }
    }
  }
}

/** Promise 4, at the end. */
function oneConnectionEach(world: World): void {
  for (const client of world.clients) {
    const open = client.connections.filter(({ state }) => state === 'connected')
    const live = [...world.regions.values()].flatMap((region) =>
      [...(region.actors.get(`device ${region.id}/default/${client.id}`)?.sockets ?? [])].filter(
        (one) => one.live,
      ),
    )
    if (open.length !== 1 || live.length !== 1 || open[0]?.socket !== live[0])
      world.breach(
        'one connection',
        `${client.id} has ${open.length} connections, its regions ${live.length}`,
      )
  }
}

/** Without a fault nothing comes twice. */
function nothingRepeated(world: World, seen: Seen): void {
  if (world.faults.kinds.size > 0) return
  for (const { id } of world.clients) {
    const before = new Set<Published>()
    for (const { published, retain } of seen.of(id)) {
      // A shared subscription comes besides an ordinary one.
      if (retain || published.again || sharesToo(world, id, published)) continue
      if (before.has(published)) world.breach('repeated', `p${published.number} came twice to ${id}`)
      before.add(published)
    }
  }
}

/** Without a fault, a message comes once to all the members together that subscribe only by the group. */
function groupGetsOnce(world: World, seen: Seen, filter: string): void {
  const { asked } = world.history
  const members = new Set(asked.flatMap((one) => (one.filter === filter ? [one.client] : [])))
  const plain = (client: string, topic: string) =>
    asked.some(
      (one) => one.client === client && parseShared(one.filter) === null && matches(one.filter, topic),
    )
  const counts = new Map<Published, number>()
  for (const client of members) {
    for (const { published, retain } of seen.of(client)) {
      if (
        retain ||
        published.again ||
        !matches(plainFilter(filter), published.topic) ||
        plain(client, published.topic)
      )
        continue
      const count = (counts.get(published) ?? 0) + 1
      counts.set(published, count)
      if (count === 2) world.breach('shared', `p${published.number} came twice to ${filter}`)
    }
  }
}

/** What was accepted before SUBACK may come when it is sent again, after newer ones; so by one subscription all along. */
function wasSubscribed({ history }: World, { client, published, at }: Delivered): boolean {
  return history.subscribed.some(
    (one) =>
      one.client === client &&
      one.at <= published.at &&
      (one.endedAt === null || one.endedAt > at) &&
      matches(one.filter, published.topic),
  )
}

function sharesToo(world: World, client: string, published: Published): boolean {
  return world.history.asked.some(
    (one) =>
      one.client === client &&
      parseShared(one.filter) !== null &&
      matches(plainFilter(one.filter), published.topic),
  )
}

/** Of a group somebody gets each message; without a fault, one. */
function sharedReachOne(world: World, seen: Seen): void {
  const { history } = world
  const groups = new Map<string, Subscribed[]>()
  for (const one of history.subscribed) {
    if (parseShared(one.filter) === null) continue
    const members = groups.get(one.filter)
    if (members === undefined) groups.set(one.filter, [one])
    else members.push(one)
  }
  for (const [filter, members] of groups) {
    // Members that are there for the whole time, and whose session outlives their connections.
    const lasting = members.filter(
      ({ client, endedAt, qos }) =>
        endedAt === null &&
        qos > 0 &&
        world.clients.find(({ id }) => id === client)?.manner.kept === true &&
        !mayHaveTwoSessions(world, client),
    )
    const since = Math.min(...lasting.map(({ at }) => at))
    const asked = history.asked.filter((one) => one.filter === filter)
    if (world.faults.kinds.size === 0) groupGetsOnce(world, seen, filter)
    // To a member with QoS 0 a message may be lost.
    if (asked.some(({ qos }) => qos === 0)) continue
    const got = new Set(asked.flatMap(({ client }) => seen.of(client).map(({ published }) => published)))
    // What was begun with QoS 2 is of a session that has ended, or nobody's. [MQTT-4.8.2-5]
    const mayEnd = asked.some(
      ({ client, qos }) => qos === 2 && !lasting.some((one) => one.client === client && one.qos === 2),
    )
    const mayTakeAlong = mayEnd || members.some(({ qos, endedAt }) => qos === 2 && endedAt !== null)
    for (const published of history.published) {
      if (published.qos === 0 || published.at < since || !succeeded(published) || !lasts(published)) continue
      if (published.qos === 2 && mayTakeAlong) continue
      if (!matches(plainFilter(filter), published.topic)) continue
      if (history.wasDropped(filter, published)) continue
      if (!got.has(published)) world.breach('shared', `p${published.number} came to nobody of ${filter}`)
    }
  }
}

/** Promise 3: two subscribers that stay where they are see the messages of a room in one order. */
function oneOrderForAll(world: World, seen: Seen): void {
  if (!world.faults.only(HARMLESS, 'freezes')) return
  const moved = movers(world)
  const rooms = ['rooms/1', 'rooms/2']
  for (const root of rooms) {
    const orders = world.clients
      .filter(({ id }) => !moved.has(id) && !world.watch.importedLate(`devices/${id}` as Root, 0))
      .map(({ id }) => ({ id, order: firstDeliveries(world, seen, id, root) }))
    for (const [i, a] of orders.entries()) {
      for (const b of orders.slice(i + 1)) {
        const places = new Map(b.order.map((published, place) => [published, place]))
        let last = -1
        let before: Published | null = null
        for (const published of a.order) {
          const place = places.get(published)
          if (place === undefined) continue
          if (place < last)
            world.breach(
              'one order',
              `${a.id} got p${before?.number} before p${published.number}, ${b.id} the other way round`,
            )
          last = place
          before = published
        }
      }
    }
  }
}

function firstDeliveries(world: World, seen: Seen, id: string, root: string): Published[] {
  const found = new Set<Published>()
  const lightly = new Set<Published>()
  for (const delivered of seen.of(id)) {
    const { published, qos, retain } = delivered
    if (published.root !== root || retain || published.will || published.again || lightly.has(published))
      continue
    if (qos === 0) lightly.add(published)
    else if (wasSubscribed(world, delivered) && !sharesToo(world, id, published)) found.add(published)
  }
  return [...found]
}

/**
 * QoS 2 end to end comes once, whatever is lost or repeated between the regions and however often a session's client comes
 * back, where neither end nor the root moved, no process died and no clean start came between.
 */
function exactlyOnce(world: World, seen: Seen): void {
  if (!world.faults.only(HARMLESS, 'freezes')) return
  const connections = new Map<string, number>()
  for (const { client } of world.history.connected)
    connections.set(client, (connections.get(client) ?? 0) + 1)
  const moved = movers(world)
  const cleaned = new Set(world.history.connected.flatMap((one) => (one.cleanStart ? [one.client] : [])))
  const stays = (id: string) => !moved.has(id) && (connections.get(id) === 1 || !cleaned.has(id))
  for (const { id } of world.clients) {
    if (!stays(id)) continue
    const before = new Set<Published>()
    for (const { published, qos, retain } of seen.of(id)) {
      if (qos !== 2 || retain || !stays(published.client)) continue
      if (sharesToo(world, id, published)) continue
      const owner = published.root.startsWith('devices/') ? published.root.slice('devices/'.length) : ''
      if (moved.has(owner)) continue
      if (before.has(published)) world.breach('exactly once', `p${published.number} came twice to ${id}`)
      before.add(published)
    }
  }
}

const PROMPT_MS = 2_000

const EXPIRED_SLACK_MS = 1_000

/**
 * What has expired is not sent any more, unless its delivery was begun before. [MQTT-3.3.2-5] Within one region: the time
 * between two is not counted.
 */
function nothingExpiredCame(world: World): void {
  const { history, watch, faults } = world
  // A frozen server takes a message late, and its time begins then.
  if (faults.has('freezes')) return
  for (const { published, client, region, at, dup } of history.delivered) {
    const expiredAt = published.at + published.expirySeconds * 1_000
    if (lasts(published) || published.resent || dup || at < expiredAt + EXPIRED_SLACK_MS) continue
    if (region !== published.region || !watch.alwaysHome(published.root as Root, region as RegionId)) continue
    world.breach('expiry', `p${published.number} came to ${client} ${Math.round(at - expiredAt)} ms too late`)
  }
}

/** Promise 7: within a region without the core, what is for a client whose home is there comes promptly. */
function cutOffGoesOn(world: World, seen: Seen): void {
  if (!world.faults.only(HARMLESS)) return
  const { history } = world
  const moved = movers(world)
  for (const { region, from, until } of world.cuts) {
    const present = history.connected.filter(
      (one) =>
        one.region === region &&
        (one.connackAt ?? Number.POSITIVE_INFINITY) < from &&
        (one.closedAt ?? Number.POSITIVE_INFINITY) > until,
    )
    const here = new Set(present.map(({ client }) => client))
    for (const published of history.published) {
      if (published.region !== region || published.at < from || published.at > until - PROMPT_MS) continue
      const owner = published.root.slice('devices/'.length)
      if (
        published.will ||
        !lasts(published) ||
        (world.mayFill && refused(published)) ||
        history.wasDropped(owner, published) ||
        !published.root.startsWith('devices/') ||
        !here.has(owner) ||
        moved.has(owner)
      )
        continue
      if (world.clients.find(({ id }) => id === owner)?.manner.receiveMaximum !== 100) continue
      const subscribed = history.subscribed.some(
        (one) =>
          one.client === owner &&
          one.filter === `devices/${owner}/#` &&
          one.at < from &&
          (one.endedAt ?? Number.POSITIVE_INFINITY) > until,
      )
      if (!subscribed) continue
      if (seen.of(owner).some((one) => one.published === published && one.at < published.at + PROMPT_MS))
        continue
      world.breach('cut off', `p${published.number} did not come to ${owner} while ${region} was cut off`)
    }
  }
}
