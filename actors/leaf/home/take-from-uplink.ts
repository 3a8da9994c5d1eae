// A root's home has come to a region: what waits there in the uplink, addressed to it, is accepted before all else.
import type { Root } from '../../../src/id/ids.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { decodeRouted, type Routed } from '../../../src/relay/routed.ts'
import { persistently } from '../../calls/eventually.ts'
import type { Platform } from '../../platform.ts'
import type { Run } from '../../uplink/uplink-peer.ts'
import type { Uplinks } from '../links/uplinks.ts'

/** The leaf that has become the home. */
export interface Taker {
  isHome(): boolean
  /** As envelopes: some of these may come by the core too, and are not to be accepted a second time. */
  accept(run: Run): Promise<readonly number[]>
  acceptUnsent(messages: readonly Routed[]): Promise<readonly number[]>
}

export async function takeFromUplink(
  platform: Platform,
  root: Root,
  uplinks: Uplinks,
  taker: Taker,
): Promise<void> {
  const uplink = platform.peers.uplink(root)
  // Before the call: what this leaf sent behind it would go by the core, and what is published next would overtake it.
  const unsent = uplinks.unsent(root)
  const runs = await persistently(platform, () => uplink.take(root)).catch((cause) =>
    // What waits there comes by the core.
    platform.report(`${root} could not take from the uplink`, cause),
  )
  if (!taker.isHome()) {
    // Where the home has moved on meanwhile, the uplink takes it back after a while.
    for (const { record, settle } of unsent)
      uplinks.post(root, { kind: 'home' }, record).then(settle, fail(settle))
    return
  }
  // Accepted now, before what is published next; the uplink keeps them until each is delivered or durable here.
  if (runs !== undefined && runs.length > 0)
    Promise.all(runs.map((run) => taker.accept(run)))
      .then((outcomes) => {
        if (outcomes.flat().includes(Reason.UnspecifiedError)) throw new Error('an actor on the way failed')
        return uplink.took(root)
      })
      .catch((cause) => platform.report(`${root} could not take all from the uplink`, cause))
  for (const { record, settle } of unsent)
    taker.acceptUnsent([decodeRouted(record)]).then(([outcome = Reason.UnspecifiedError]) => {
      settle(outcome)
    }, fail(settle))
}

function fail(settle: (outcome: number) => void): () => void {
  return () => settle(Reason.UnspecifiedError)
}
