// Judges a run by what its clients saw: which of the promises (docs/architecture.md) were not kept.
import { matches, parseShared, plainFilter } from '../../src/mqtt/topic.ts'
import type { Delivered, Published, Subscribed } from './history.ts'
import type { World } from './world.ts'

export function judge(world: World): void {
  const seen = new Seen(world)
  everythingAcknowledgedArrived(world, seen)
  eachPublishersOrder(world, seen)
  oneConnectionEach(world)
  nothingRepeated(world, seen)
  sharedReachOne(world, seen)
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
    for (const { published, retain, qos } of seen.of(id)) {
      if (retain || published.will || qos === 0 || before.has(published) || sharesToo(world, id, published))
        continue
      before.add(published)
      if (conceded(id, published.root) || !wasSubscribed(world, id, published)) continue
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

/** What was accepted before SUBACK may come when it is sent again, after newer ones. */
function wasSubscribed({ history }: World, client: string, published: Published): boolean {
  return history.subscribed.some(
    (one) =>
      one.client === client &&
      one.at <= published.at &&
      (one.endedAt === null || one.endedAt > published.at) &&
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
    // To a member with QoS 0 a message may be lost.
    if (asked.some(({ qos }) => qos === 0)) continue
    const got = new Set(asked.flatMap(({ client }) => seen.of(client).map(({ published }) => published)))
    for (const published of history.published) {
      if (published.qos === 0 || published.at < since || !succeeded(published)) continue
      if (!matches(plainFilter(filter), published.topic)) continue
      if (!got.has(published)) world.breach('shared', `p${published.number} came to nobody of ${filter}`)
    }
  }
}
