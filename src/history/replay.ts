// A SUBSCRIBE that also asks for what was kept: by the user property `history-from` (5.0), or as `$history/<from>/<filter>`.
import type { UserProperties } from '../mqtt/packet.ts'
import { rootOfSubscription } from '../mqtt/topic.ts'
import { INSTANT } from './duration.ts'

const FROM_PROPERTY = 'history-from'
const PREFIX = '$history/'

export interface Wanted {
  /** What is subscribed to. */
  readonly filter: string
  /** From when on kept messages are wanted, as the client says it; null: none are. */
  readonly from: string | null
}

/** @param properties of the SUBSCRIBE */
export function wantedOf(given: string, properties: UserProperties | undefined): Wanted {
  if (given.startsWith(PREFIX)) {
    const slash = given.indexOf('/', PREFIX.length)
    return slash < 0
      ? { filter: given, from: '' }
      : { filter: given.slice(slash + 1), from: given.slice(PREFIX.length, slash) }
  }
  const asked = properties?.find(([name]) => name === FROM_PROPERTY)
  return { filter: given, from: asked?.[1] ?? null }
}

/** One root has one order; what AWS IoT calls otherwise, and what the server says of itself, is kept under no such name. */
export function canReplay({ filter, from }: Wanted): boolean {
  return from !== null && INSTANT.test(from) && !filter.startsWith('$') && rootOfSubscription(filter) !== null
}
