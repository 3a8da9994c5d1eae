// What a session's filters may add up to. Past it a new filter is refused: the client pays for its own excess, and the filters that
// it has stay.
import { rootOfSubscription } from '../mqtt/topic.ts'
import { utf8Bytes } from '../mqtt/utf8.ts'
import {
  FILTER_BYTES_MAX,
  FILTERS_BYTES_MAX,
  SUBSCRIPTIONS_MAX,
  WIDE_SUBSCRIPTIONS_BYTES_MAX,
  WIDE_SUBSCRIPTIONS_MAX,
} from './limits.ts'

interface Sum {
  filters: number
  bytes: number
}

export class FilterQuota {
  private readonly all: Sum = { filters: 0, bytes: 0 }
  /** Of the filters whose root is not literal: each of them is known in every region. */
  private readonly wide: Sum = { filters: 0, bytes: 0 }

  /** @param filters those that the session has */
  constructor(filters: Iterable<string>) {
    for (const filter of filters) this.add(filter)
  }

  /** Whether there is room for one more filter, which is valid and new. */
  hasRoomFor(filter: string): boolean {
    const bytes = utf8Bytes(filter)
    if (bytes > FILTER_BYTES_MAX) return false
    if (!fits(this.all, bytes, SUBSCRIPTIONS_MAX, FILTERS_BYTES_MAX)) return false
    return !isWide(filter) || fits(this.wide, bytes, WIDE_SUBSCRIPTIONS_MAX, WIDE_SUBSCRIPTIONS_BYTES_MAX)
  }

  add(filter: string): void {
    const bytes = utf8Bytes(filter)
    count(this.all, bytes)
    if (isWide(filter)) count(this.wide, bytes)
  }
}

function isWide(filter: string): boolean {
  return rootOfSubscription(filter) === null
}

function fits(sum: Sum, bytes: number, filtersMax: number, bytesMax: number): boolean {
  return sum.filters < filtersMax && sum.bytes + bytes <= bytesMax
}

function count(sum: Sum, bytes: number): void {
  sum.filters++
  sum.bytes += bytes
}
