// What fail-over concedes of promise 5 (docs/decisions/0010-fail-over.md).
import type { History, Published, Subscribed } from './history.ts'
import type { World } from './world.ts'

/** Of two homes that do not know of each other yet the client may have begun anew at one, also since its session was over. */
export function mayHaveTwoSessions({ watch, history, mayExpire }: World, id: string): boolean {
  if (!mayExpire) return false
  const anew = beganAnew(history, id, () => true)
  return watch.failOvers.some(({ root, session }) => root === `devices/${id}` && (anew || !session))
}

function beganAnew({ connected }: History, id: string, then: (at: number) => boolean): boolean {
  return connected.some(
    ({ client, kept, cleanStart, openedAt }) => client === id && kept && cleanStart && then(openedAt),
  )
}

/**
 * A subscription of the moment before a home was lost, or made there while it was cut off, is not known to the successor
 * until that has heard of it. Another region's is: its SUBACK waited for the store.
 */
export function mayMiss(
  { watch, faults, history }: World,
  subscribed: Subscribed,
  published: Published,
): boolean {
  return watch.failOvers.some(({ root, from, session, lostAt, settledAt }) => {
    const end = settledAt ?? Number.POSITIVE_INFINITY
    const unknown = (at: number) => at > lostAt - faults.syncedWithinMs && at < end
    // At a home that did not know yet that another one had begun, without this session: it was never synced, or the client had
    // begun anew at one of them.
    const own = root === `devices/${subscribed.client}`
    const made = history.connected[subscribed.connection]?.region
    if (
      own &&
      from.some((one) => one === made) &&
      (!session || beganAnew(history, subscribed.client, unknown))
    )
      return unknown(subscribed.at)
    if (published.at < lostAt || published.at > end) return false
    if (own) return unknown(subscribed.at)
    // Accepted by the lost home while it was cut off, and the subscription made at the successor.
    if (root === published.root && from.some((one) => one === published.region)) return true
    // Of a root of somebody else's: where the subscriber was in the lost home's region, or came there.
    return (
      root === published.root &&
      history.connected.some(
        ({ number, client, region, openedAt }) =>
          client === subscribed.client &&
          from.some((one) => one === region) &&
          unknown(number === subscribed.connection ? subscribed.at : openedAt),
      )
    )
  })
}
