// A root's home has come to this region: it accepts the messages that wait for it in the uplink before all others.

import type { Root } from '../../../src/id/ids.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { decodeRouted, type Routed } from '../../../src/relay/routed.ts'
import { withRetries } from '../../calls/waits.ts'
import type { Platform } from '../../platform.ts'
import type { Run } from '../../uplink/uplink-peer.ts'
import type { Uplinks } from '../links/uplinks.ts'

/** The leaf that has become the home. */
export interface NewHome {
  isHome(): boolean
  /** Accepts each message once, even if it also arrives through the core. */
  accept(run: Run): Promise<readonly Outcome[]>
  acceptUnsent(messages: readonly Routed[]): Promise<readonly Outcome[]>
}

/** Resolves when all waiting messages have their place in the home's order. Never rejects. */
export async function acceptWaiting(
  platform: Platform,
  root: Root,
  uplinks: Uplinks,
  leaf: NewHome,
): Promise<void> {
  const uplink = platform.peers.uplink(root)
  // Before the call: a message that this leaf sends after it would go through the core, and the next publish would overtake it.
  const unsent = uplinks.unsent(root)
  const runs = await withRetries(platform, () => uplink.pickUp(root)).catch((cause) =>
    // The messages then arrive through the core.
    platform.report(`the uplink did not give the messages that wait for ${root}`, cause),
  )
  if (!leaf.isHome()) {
    // The home has moved again: the uplink returns unconfirmed messages to their lane after a while.
    for (const { record, settle } of unsent)
      uplinks.post(root, { kind: 'home' }, record).then(settle, fail(settle))
    return
  }
  // Accepted now, before the next publish. The uplink holds them until each is delivered or stored here.
  if (runs !== undefined && runs.length > 0)
    Promise.all(runs.map((run) => leaf.accept(run)))
      .then((outcomes) => {
        if (outcomes.flat().includes(Reason.UnspecifiedError)) throw new Error('an actor on the way failed')
        return uplink.confirmPickup(root)
      })
      .catch((cause) =>
        platform.report(`not all messages for ${root} that waited in the uplink were accepted`, cause),
      )
  for (const { record, settle } of unsent)
    leaf.acceptUnsent([decodeRouted(record)]).then(([outcome = Reason.UnspecifiedError]) => {
      settle(outcome)
    }, fail(settle))
}

function fail(settle: (outcome: Outcome) => void): () => void {
  return () => settle(Reason.UnspecifiedError)
}
