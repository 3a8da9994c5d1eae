// Judges what those who watch presence saw.
import type { Root } from '../../src/id/ids.ts'
import { isPresence } from '../../src/id/root.ts'
import { matches } from '../../src/mqtt/topic.ts'
import type { PresenceEvent } from '../../src/relay/presence.ts'
import { above, disorder, told } from '../actors/presence-order.ts'
import type { Told } from './history.ts'
import type { World } from './world.ts'

/** Whoever watches a client sees its connections and their ends without a gap, and how it is in the end. */
export function presenceInOrder(world: World): void {
  const watching = world.history.subscribed.filter(
    ({ filter, endedAt }) => isPresence(filter) && endedAt === null,
  )
  // To a client whose own home is lost, what waits there comes late, behind what is newer.
  const failedOver = (id: string) => world.watch.failOvers.some(({ root }) => root === `devices/${id}`)
  for (const { client: watcher, filter, at } of watching) {
    if (failedOver(watcher)) continue
    const regions = world.history.connected.flatMap((one) => (one.client === watcher ? [one.region] : []))
    // To a client that moves, what is late of roots that are not its own comes after what is newer.
    const moved = new Set(regions).size > 1
    for (const { id, current } of world.clients) {
      if (!matches(filter, `presence/${id}`)) continue
      // The store may not have been reached at SUBACK: then the lost home's own region hears of its successor when that asks it.
      if (world.watch.lostTo(`devices/${id}` as Root, regions, at)) continue
      const changed = world.history.connected.some(
        ({ client, connackAt, closedAt }) => client === id && ((connackAt ?? 0) > at || (closedAt ?? 0) > at),
      )
      const all = withoutOvertaking(
        world.history.told.filter((one) => one.client === watcher && one.event.client === id),
      )
      // What comes before SUBACK may be of an attempt that failed.
      const known = above(all.filter((one) => one.at < at).map(({ event }) => event)).slice(-1)
      // What comes again from before that is no news.
      const since = above([...known, ...all.filter((one) => one.at >= at).map(({ event }) => event)]).slice(
        known.length,
      )
      for (const wrong of moved ? [] : disorder(since))
        world.breach('presence', `${watcher} has of ${id} ${wrong}`)
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

/** Who subscribes again is given the last event before those of the same subscription that are under way. */
function withoutOvertaking(all: readonly Told[]): Told[] {
  const before = (a: PresenceEvent, b: PresenceEvent) =>
    a.epoch < b.epoch || (a.epoch === b.epoch && a.sequence < b.sequence)
  return all.filter(
    ({ event, retained }, i) =>
      !retained || !all.slice(i + 1).some((later) => !later.retained && before(later.event, event)),
  )
}
