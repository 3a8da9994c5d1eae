// Messages that wait in the uplink for a root's home, when the home comes to this region: it accepts them before all others.

import type { Root } from '../../../src/id/ids.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { decodeRouted, type Routed } from '../../../src/relay/routed.ts'
import { persistently } from '../../calls/eventually.ts'
import type { Platform } from '../../platform.ts'
import type { Run } from '../../uplink/uplink-peer.ts'
import type { Uplinks } from '../links/uplinks.ts'

/** The leaf that has become the home. */
export interface NewHome {
  isHome(): boolean
  /** As envelopes: some of these may come by the core too, and are accepted once. */
  accept(run: Run): Promise<readonly Outcome[]>
  acceptUnsent(messages: readonly Routed[]): Promise<readonly Outcome[]>
}

/** Resolves when all of them have their place in the home's order. Never rejects. */
export async function acceptWaiting(
  platform: Platform,
  root: Root,
  uplinks: Uplinks,
  leaf: NewHome,
): Promise<void> {
  const uplink = platform.peers.uplink(root)
  // Before the call: a message that this leaf sent after it would go by the core, and the next publish would overtake it.
  const unsent = uplinks.unsent(root)
  const runs = await persistently(platform, () => uplink.take(root)).catch((cause) =>
    // The uplink's messages come by the core then.
    platform.report(`the messages for ${root} that wait in the uplink were not taken`, cause),
  )
  if (!leaf.isHome()) {
    // The home has moved on: what was taken from the uplink returns to its lane after a while.
    for (const { record, settle } of unsent)
      uplinks.post(root, { kind: 'home' }, record).then(settle, fail(settle))
    return
  }
  // Accepted now, before the next publish; the uplink keeps them until each is delivered or durable here.
  if (runs !== undefined && runs.length > 0)
    Promise.all(runs.map((run) => leaf.accept(run)))
      .then((outcomes) => {
        if (outcomes.flat().includes(Reason.UnspecifiedError)) throw new Error('an actor on the way failed')
        return uplink.took(root)
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
