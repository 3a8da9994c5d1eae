// Judges a run by what its clients saw: which of the promises (docs/architecture.md) were not kept.
import { isPresence } from '../../src/id/root.ts'
import { matches, parseShared, plainFilter } from '../../src/mqtt/topic.ts'
import { above, disorder, told } from '../actors/presence-order.ts'
import type { FaultKind } from './faults.ts'
import type { Delivered, Published, Subscribed } from './history.ts'
import type { World } from './world.ts'

export function judge(world: World): void {
  const seen = new Seen(world)
  everythingAcknowledgedArrived(world, seen)
  eachPublishersOrder(world, seen)
  oneConnectionEach(world)
  nothingRepeated(world, seen)
  sharedReachOne(world, seen)
  oneOrderForAll(world, seen)
  exactlyOnce(world, seen)
  cutOffGoesOn(world, seen)
  retainedEverywhere(world, seen)
  presenceInOrder(world)
  shadowsHaveAll(world)
}

/** Faults by which no process dies and nothing is lost inside a region. */
const HARMLESS: ReadonlySet<FaultKind> = new Set([
  'roam',
  'client drops',
  'core losses',
  'core repeats',
  'partitions',
  'pod deaths',
  'hibernation',
])

function only(world: World, allowed: ReadonlySet<FaultKind>): boolean {
  return [...world.faults.kinds].every((kind) => allowed.has(kind))
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

function succeeded({ acknowledged }: Published): boolean {
  return acknowledged !== null && acknowledged.reason < 0x80
}

/** Promises 1, 5 and 6: acknowledged, and after SUBACK, so it must have come, whatever died meanwhile. */
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
      if (got.has(published) || !matches(subscribed.filter, published.topic)) continue
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
 * publishes here and there, while what it published first still waits in that region's outbox.
 */
function eachPublishersOrder(world: World, seen: Seen): void {
  const moved = movers(world)
  const conceded = (subscriber: string, root: string) => {
    const owner = root.startsWith('devices/') ? root.slice('devices/'.length) : null
    return owner !== subscriber && (moved.has(subscriber) || (owner !== null && moved.has(owner)))
  }
  for (const { id } of world.clients) {
    const last = new Map<string, Published>()
    const before = new Set<Published>()
    for (const delivered of seen.of(id)) {
      const { published, retain, qos } = delivered
      if (retain || published.will || qos === 0 || before.has(published) || sharesToo(world, id, published))
        continue
      before.add(published)
      if (conceded(id, published.root) || !wasSubscribed(world, delivered)) continue
      if (published.resent && moved.has(published.client)) continue
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
      if (retain || sharesToo(world, id, published)) continue
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
      if (retain || !matches(plainFilter(filter), published.topic) || plain(client, published.topic)) continue
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
        endedAt === null && qos > 0 && world.clients.find(({ id }) => id === client)?.manner.kept === true,
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
      if (published.qos === 0 || published.at < since || !succeeded(published)) continue
      if (published.qos === 2 && mayTakeAlong) continue
      if (!matches(plainFilter(filter), published.topic)) continue
      if (!got.has(published)) world.breach('shared', `p${published.number} came to nobody of ${filter}`)
    }
  }
}

/** Promise 3: two subscribers that stay where they are see the messages of a room in one order. */
function oneOrderForAll(world: World, seen: Seen): void {
  if (!only(world, new Set([...HARMLESS, 'freezes']))) return
  const moved = movers(world)
  const rooms = ['rooms/1', 'rooms/2']
  for (const root of rooms) {
    const orders = world.clients
      .filter(({ id }) => !moved.has(id))
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
  for (const delivered of seen.of(id)) {
    const { published, qos, retain } = delivered
    if (published.root !== root || qos === 0 || retain || published.will) continue
    if (wasSubscribed(world, delivered) && !sharesToo(world, id, published)) found.add(published)
  }
  return [...found]
}

/**
 * QoS 2 end to end comes once, whatever is lost or repeated between the regions and however often a session's client comes
 * back, where neither end nor the root moved, no process died and no clean start came between.
 */
function exactlyOnce(world: World, seen: Seen): void {
  if (!only(world, new Set([...HARMLESS, 'freezes']))) return
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

/** Promise 7: within a region without the core, what is for a client whose home is there comes promptly. */
function cutOffGoesOn(world: World, seen: Seen): void {
  if (!only(world, HARMLESS)) return
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
      if (published.will || !published.root.startsWith('devices/') || !here.has(owner) || moved.has(owner))
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

/** The newest retained message is the same in every region, and none that was acknowledged is forgotten. */
function retainedEverywhere(world: World, seen: Seen): void {
  const probes = world.clients.filter(({ id }) => id.startsWith('probe-'))
  const topics = new Set(world.history.published.flatMap(({ topic, retain }) => (retain ? [topic] : [])))
  for (const topic of topics) {
    const found = probes.map(
      ({ id }) =>
        seen.of(id).find(({ published, retain }) => retain && published.topic === topic)?.published.number,
    )
    if (new Set(found).size > 1)
      world.breach('retained', `${topic} has ${found.map((number) => `p${number}`).join(', ')}`)
    const kept = world.history.published.filter((one) => one.topic === topic && one.retain)
    if (found[0] === undefined && kept.some((one) => one.qos > 0 && succeeded(one)))
      world.breach('retained', `nothing is retained at ${topic}`)
  }
}

/** An acknowledged update of a shadow is in it at the end: each writes an attribute of its own. */
function shadowsHaveAll(world: World): void {
  const { history } = world
  for (const published of history.published) {
    if (!published.topic.endsWith('/shadow/update') || published.qos === 0 || !succeeded(published)) continue
    if (history.shadows.get(published.root)?.attributes.has(`p${published.number}`) !== true)
      world.breach('durable', `p${published.number} is not in the shadow of ${published.root}`)
  }
}

/** Whoever watches a client sees its connections and their ends without a gap, and how it is in the end. */
function presenceInOrder(world: World): void {
  const watching = world.history.subscribed.filter(
    ({ filter, endedAt }) => isPresence(filter) && endedAt === null,
  )
  for (const { client: watcher, filter, at } of watching) {
    for (const { id, current } of world.clients) {
      if (!matches(filter, `presence/${id}`)) continue
      const changed = world.history.connected.some(
        ({ client, connackAt, closedAt }) => client === id && ((connackAt ?? 0) > at || (closedAt ?? 0) > at),
      )
      const all = world.history.told.filter((one) => one.client === watcher && one.event.client === id)
      // What comes before SUBACK may be of an attempt that failed.
      const since = all.filter((one) => one.at >= at).map(({ event }) => event)
      for (const wrong of disorder(since)) world.breach('presence', `${watcher} has of ${id} ${wrong}`)
      const last = above(all.map(({ event }) => event)).at(-1)
      // What was before SUBACK comes as a retained message, if the core is reached.
      if (last === undefined && !changed) continue
      const state = current === null ? 'disconnected' : 'connected'
      if (last?.state !== state)
        world.breach(
          'presence',
          `${watcher} has of ${id} ${last === undefined ? 'nothing' : told(last)}, which is ${state}`,
        )
    }
  }
}
