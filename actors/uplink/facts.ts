// Facts for `explain`: the messages of a root that wait in an uplink.
import type { Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import type { UplinkFacts } from '../../src/relay/explain.ts'
import { recordOf } from '../../src/relay/routed.ts'
import { traceOf } from '../explain/recent.ts'
import { EXPLAIN_LOOK_MAX } from '../limits.ts'
import type { Lane, LaneItem } from './lane.ts'
import type { Failing } from './link.ts'
import type { Outbox } from './outbox.ts'

export interface UplinkAsked {
  readonly root: Root
  readonly topic: string
  readonly trace: string | null
}

const SMALL = new Uint8Array(64)

interface UplinkState {
  readonly lanes: Iterable<Lane>
  readonly failing: (destination: string) => Failing | null
  readonly outbox: Outbox
}

export function uplinkFacts(
  { lanes, failing, outbox }: UplinkState,
  asked: UplinkAsked,
  now: number,
): UplinkFacts {
  const meant = [...lanes].filter(({ root, items }) => root === asked.root && items.length > 0)
  return {
    lanes: meant.map(({ to, hint, items, destination }) => {
      const failure = failing(destination)
      return {
        kind: to.kind,
        region: to.kind === 'home' ? hint : to.region,
        messages: items.length,
        stored: items.filter(({ row }) => row !== null).length,
        ofTopic: items.slice(0, EXPLAIN_LOOK_MAX).filter((item) => isMeant(item, asked, outbox)).length,
        oldestMs: Math.max(0, ...items.slice(0, 1).map(({ arrivedAt }) => now - arrivedAt)),
        full: !outbox.fits(to, hint, SMALL),
        failingMs: failure === null ? null : Math.max(0, now - failure.since),
        problem: failure?.problem ?? null,
      }
    }),
    outboxMessages: outbox.size,
  }
}

function isMeant({ record, row }: LaneItem, { topic, trace }: UplinkAsked, outbox: Outbox): boolean {
  const routed = record ?? (row === null ? null : outbox.record(row))
  if (routed === null) return false
  const message = decodeMessage(recordOf(routed))
  return message.topic === topic && (trace === null || traceOf(message.properties) === trace)
}
