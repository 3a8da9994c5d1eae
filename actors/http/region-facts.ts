// Facts for `explain`: asks the actors of one region about a receiver and a topic, side by side, each for a bounded time.
import {
  type ActorAddress,
  deviceAddress,
  leafAddress,
  uplinkAddress,
  wideAddress,
  wideShard,
} from '../../src/id/actor-name.ts'
import type { FleetId, RegionId } from '../../src/id/ids.ts'
import { rootOfTopic } from '../../src/id/root.ts'
import type { ExplainAsked, RegionFacts, Said } from '../../src/relay/explain.ts'
import type { DevicePeer } from '../device/device-peer.ts'
import type { LeafPeer } from '../leaf/leaf-peer.ts'
import { EXPLAIN_ACTOR_MS } from '../limits.ts'
import type { UplinkPeer } from '../uplink/uplink-peer.ts'
import type { WidePeer } from '../wide/wide-peer.ts'
import type { Edge } from './edge.ts'

export async function gatherRegion(
  edge: Edge,
  region: RegionId,
  fleet: FleetId,
  asked: ExplainAsked,
): Promise<RegionFacts> {
  const { device, topic, trace, publisher } = asked
  const root = rootOfTopic(topic)
  const actors = edge.actors()
  const ask = <Peer, Facts>(
    address: ActorAddress,
    use: (peer: Peer) => Promise<Facts>,
  ): Promise<Said<Facts>> => within(EXPLAIN_ACTOR_MS, () => actors.call(address, use))
  const wide = wideAddress(region, fleet, wideShard(root))
  const [receiver, leaf, uplink, wideSaid, publisherSaid] = await Promise.all([
    ask(deviceAddress(region, fleet, device), (peer: DevicePeer) => peer.explainReceiver(asked)),
    ask(leafAddress(region, fleet, root), (peer: LeafPeer) => peer.explainTopic(asked)),
    ask(uplinkAddress(region, fleet, root, edge.uplinkShards), (peer: UplinkPeer) =>
      peer.explain(root, topic, trace),
    ),
    ask(wide, (peer: WidePeer) => peer.explain(asked)),
    publisher === null
      ? null
      : ask(deviceAddress(region, fleet, publisher), (peer: DevicePeer) => peer.explainPublisher(asked)),
  ])
  return { receiver, leaf, uplink, wide: wideSaid, publisher: publisherSaid }
}

/** An answer with its duration, or the reason why none came in time. */
export async function within<Facts>(ms: number, ask: () => Promise<Facts>): Promise<Said<Facts>> {
  const begun = Date.now()
  let timer: ReturnType<typeof setTimeout> | null = null
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    const facts = await Promise.race([ask(), late])
    return { tookMs: Date.now() - begun, facts, problem: null }
  } catch (cause) {
    return {
      tookMs: Date.now() - begun,
      facts: null,
      problem: cause instanceof Error ? cause.message : String(cause),
    }
  } finally {
    if (timer !== null) clearTimeout(timer)
  }
}
