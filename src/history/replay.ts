// A SUBSCRIBE that asks for history too: by the user property `history-from` (5.0), or as `$history/<from>/<filter>`.
import type { UserProperties } from '../mqtt/packet.ts'
import { rootOfSubscription } from '../mqtt/topic.ts'
import { INSTANT } from './duration.ts'

const FROM_PROPERTY = 'history-from'
const PREFIX = '$history/'

export interface HistoryRequest {
  readonly filter: string
  /** The beginning of the wanted history, as the client wrote it; null for no history. */
  readonly from: string | null
}

/** @param given the filter in the packet @param properties of the SUBSCRIBE */
export function historyRequestOf(given: string, properties: UserProperties | undefined): HistoryRequest {
  if (given.startsWith(PREFIX)) {
    const slash = given.indexOf('/', PREFIX.length)
    return slash < 0
      ? { filter: given, from: '' }
      : { filter: given.slice(slash + 1), from: given.slice(PREFIX.length, slash) }
  }
  const asked = properties?.find(([name]) => name === FROM_PROPERTY)
  return { filter: given, from: asked?.[1] ?? null }
}

/** Only a filter with one root has an order to replay. Names that begin with `$` have no history. */
export function canReplay({ filter, from }: HistoryRequest): boolean {
  return from !== null && INSTANT.test(from) && !filter.startsWith('$') && rootOfSubscription(filter) !== null
}
