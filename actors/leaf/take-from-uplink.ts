// A root's home has come to a region: what waits there in the uplink, addressed to it, is accepted before all else.
import type { Root } from '../../src/id/ids.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { decodeRouted, type Routed } from '../../src/relay/routed.ts'
import { persistently } from '../eventually.ts'
import type { Platform, Taken } from '../platform.ts'

/** The leaf that has become the home. */
export interface Taker {
  isHome(): boolean
  /** These come by the core too, and are not to be accepted a second time. */
  noted(underWay: NonNullable<Taken['underWay']>): void
  accept(messages: readonly Routed[]): Promise<unknown>
}

export async function takeFromUplink(platform: Platform, root: Root, taker: Taker): Promise<void> {
  const uplink = platform.peers.uplink(root)
  const taken = await persistently(platform, () => uplink.take(root)).catch((cause) =>
    // What waits there comes by the core.
    platform.report(`${root} could not take from the uplink`, cause),
  )
  // Where the home has moved on meanwhile, the uplink takes it back after a while.
  if (taken === undefined || !taker.isHome()) return
  const { batch, underWay } = taken
  if (underWay !== null) taker.noted(underWay)
  const waiting = unpackBatch(batch)
  if (waiting.length === 0) return
  // Accepted now, before what is published next; the uplink keeps them until each is delivered or durable here.
  taker
    .accept(waiting.map(decodeRouted))
    .then(() => uplink.took(root))
    .catch((cause) => platform.report(`${root} could not take all from the uplink`, cause))
}
