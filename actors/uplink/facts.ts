// What waits in an uplink for a root's destinations, as it is told to who asks why a message has not come.
import type { Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import type { EnvelopeResult } from '../../src/relay/envelope.ts'
import type { UplinkFacts } from '../../src/relay/explain.ts'
import { recordOf } from '../../src/relay/routed.ts'
import { traceOf } from '../explain/recent.ts'
import { EXPLAIN_LOOK_MAX } from '../limits.ts'
import type { LaneItem } from './lane.ts'
import type { Uplink } from './uplink.ts'

export interface UplinkAsked {
  readonly root: Root
  readonly topic: string
  readonly trace: string | null
}

const SMALL = new Uint8Array(64)

export function uplinkFacts({ lanes, links, outbox }: Uplink, asked: UplinkAsked, now: number): UplinkFacts {
  const meant = [...lanes.values()].filter(({ root, items }) => root === asked.root && items.length > 0)
  return {
    lanes: meant.map(({ to, hint, items, destination }) => {
      const failure = links.get(destination)?.failing ?? null
      return {
        kind: to.kind,
        region: to.kind === 'home' ? hint : to.region,
        messages: items.length,
        stored: items.filter(({ row }) => row !== null).length,
        ofTopic: items.slice(0, EXPLAIN_LOOK_MAX).filter((item) => isMeant(item, asked)).length,
        oldestMs: Math.max(0, ...items.slice(0, 1).map(({ arrivedAt }) => now - arrivedAt)),
        full: !outbox.fits(to, hint, SMALL),
        failingMs: failure === null ? null : Math.max(0, now - failure.since),
        problem: failure?.problem ?? null,
      }
    }),
    outboxMessages: outbox.size,
  }
}

function isMeant({ record }: LaneItem, { topic, trace }: UplinkAsked): boolean {
  const message = decodeMessage(recordOf(record))
  return message.topic === topic && (trace === null || traceOf(message.properties) === trace)
}

/** Why a lane's messages were not taken. */
export function problemOf(result: EnvelopeResult | undefined): string {
  return result?.status === 'unreachable' ? result.detail : 'the home has moved'
}
