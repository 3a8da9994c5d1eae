// Judges what was told of clients that were gone.
import type { World } from './world.ts'

/** What region losses need, and what keeps nobody from asking the core. */
const ASKED = ['roam', 'client drops', 'core repeats', 'region losses', 'hibernation'] as const

/** A region that was lost tells no will of a connection there once its client has gone on elsewhere (decision 10). */
export function willsInTime(world: World): void {
  const { faults, history, watch } = world
  if (!faults.only(ASKED)) return
  for (const { will, region, at } of history.willsTold) {
    const { client, connection, number } = will
    const of = history.connected[connection]
    const elsewhere = watch.failOvers.find(
      (one) =>
        one.root === `devices/${client}` &&
        one.at < at &&
        (of?.openedAt ?? at) < one.lostAt &&
        one.from.some((from) => from === region),
    )
    // One that has come back there is not asked about.
    const back = history.connected.some(
      (one) =>
        one.client === client && one.region === region && one.number > connection && one.openedAt <= at,
    )
    if (elsewhere !== undefined && !back)
      world.breach(
        'will',
        `p${number} of ${client} was told by ${region}, after epoch ${elsewhere.epoch} had begun`,
      )
  }
}
