// A root's home has come to a region: what waits there in the uplink, addressed to it, is accepted before all else.
import type { Root } from '../../src/id/ids.ts'
import { persistently } from '../eventually.ts'
import type { Platform, Run } from '../platform.ts'

/** The leaf that has become the home. */
export interface Taker {
  isHome(): boolean
  /** As envelopes: some of these may come by the core too, and are not to be accepted a second time. */
  accept(run: Run): Promise<unknown>
}

export async function takeFromUplink(platform: Platform, root: Root, taker: Taker): Promise<void> {
  const uplink = platform.peers.uplink(root)
  const runs = await persistently(platform, () => uplink.take(root)).catch((cause) =>
    // What waits there comes by the core.
    platform.report(`${root} could not take from the uplink`, cause),
  )
  // Where the home has moved on meanwhile, the uplink takes it back after a while.
  if (runs === undefined || runs.length === 0 || !taker.isHome()) return
  // Accepted now, before what is published next; the uplink keeps them until each is delivered or durable here.
  Promise.all(runs.map((run) => taker.accept(run)))
    .then(() => uplink.took(root))
    .catch((cause) => platform.report(`${root} could not take all from the uplink`, cause))
}
