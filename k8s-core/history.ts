// A root's history from the store, page by page. A fresh read first asks the home up to where the store must have it.
import { decodeMessage } from '../src/mqtt/message.ts'
import { matches } from '../src/mqtt/topic.ts'
import type {
  HistoryMessage,
  HistoryPlace,
  HistoryRequest,
  HistoryResponse,
  HistorySeam,
} from '../src/relay/history.ts'
import { HISTORY_PAGE_BYTES_MAX, HISTORY_READ_AT_ONCE, HISTORY_READS_PER_PAGE_MAX } from './limits.ts'
import type { Relay } from './relay.ts'
import type { Store } from './store/port.ts'

export class History {
  private readonly store: Store
  private readonly relay: Relay

  constructor(store: Store, relay: Relay) {
    this.store = store
    this.relay = relay
  }

  async read(request: Omit<HistoryRequest, 'region'>): Promise<HistoryResponse> {
    if (request.seam !== 'ask') return this.page(request, request.seam === 'none' ? null : request.seam)
    const said = await this.relay.historySeam(request)
    if ('region' in said) return { status: 'unreachable', region: said.region }
    return this.page(request, said.seam)
  }

  /** Bounds the rows that are read, too: a filter may match few of them. */
  private async page(
    { fleet, root, filter, from, to, order, limit, after: first }: Omit<HistoryRequest, 'region'>,
    seam: HistorySeam | null,
  ): Promise<HistoryResponse> {
    const messages: HistoryMessage[] = []
    const done = (next: HistoryPlace | null): HistoryResponse => ({ status: 'done', messages, next, seam })
    let bytes = 0
    let after = first
    for (let reads = 0; reads < HISTORY_READS_PER_PAGE_MAX; reads++) {
      const range = { fleet, root, from, to, order, after, limit: HISTORY_READ_AT_ONCE }
      const read = await this.store.history(range)
      for (const [i, message] of read.messages.entries()) {
        if (seam !== null && isBeyond(message, seam)) continue
        if (!matches(filter, decodeMessage(message.record).topic)) continue
        messages.push(message)
        bytes += message.record.length
        if (messages.length < limit && bytes < HISTORY_PAGE_BYTES_MAX) continue
        const { at, epoch, number } = message
        const last = read.next === null && i === read.messages.length - 1
        return done(last ? null : { at, epoch, number })
      }
      if (read.next === null) return done(null)
      after = read.next
    }
    return done(after)
  }
}

/** Whether the home accepted the message after it answered how far its history was. */
function isBeyond({ epoch, number }: HistoryPlace, seam: HistorySeam): boolean {
  return epoch > seam.epoch || (epoch === seam.epoch && number > seam.number)
}
