// Publishes of a client by HTTP, through the same publisher as its connection: one order. A request with an idempotency key is
// performed once: its outcomes are stored in this region. If the request comes again, only its refused messages are retried.

import { decodeMessage } from '../../../src/mqtt/message.ts'
import { packOutcomes } from '../../../src/mqtt/outcome.ts'
import { isFailure, Reason } from '../../../src/mqtt/reason.ts'
import { IDEMPOTENCY_KEPT_MS, IDEMPOTENCY_KEYS_MAX, IDEMPOTENCY_PRUNE_EVERY } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { IdempotencyKey, PublishReply } from '../device-peer.ts'
import type { Publisher } from './publisher.ts'

interface Answered {
  readonly request: string
  readonly outcomes: Uint8Array
}

export class PublishRequests {
  private readonly platform: Platform
  private readonly publisher: Publisher
  private readonly running = new Map<
    string,
    { readonly request: string; readonly outcomes: Promise<Uint8Array> }
  >()

  constructor(platform: Platform, publisher: Publisher) {
    this.platform = platform
    this.publisher = publisher
  }

  /** @param records message records */
  async publish(records: readonly Uint8Array[], key: IdempotencyKey | null): Promise<PublishReply> {
    if (key === null) return { status: 'done', outcomes: await this.outcomes(records, null) }
    const running = this.running.get(key.name)
    const known = running ?? this.read(key.name)
    if (known !== null && known.request !== key.request) return { status: 'other-request' }
    if (running !== undefined) return { status: 'done', outcomes: await running.outcomes }
    const outcomes = this.once(records, key, known === null ? null : (known as Answered).outcomes)
    this.running.set(key.name, { request: key.request, outcomes })
    try {
      return { status: 'done', outcomes: await outcomes }
    } finally {
      this.running.delete(key.name)
    }
  }

  /** @param before the outcomes of an earlier try */
  private async once(
    records: readonly Uint8Array[],
    key: IdempotencyKey,
    before: Uint8Array | null,
  ): Promise<Uint8Array> {
    const open = records.flatMap((_, i) => (isFailure(before?.[i] ?? Reason.UnspecifiedError) ? [i] : []))
    if (before !== null && open.length === 0) return before
    const outcomes = before?.slice() ?? new Uint8Array(records.length)
    const tried = await this.outcomes(
      open.map((i) => records[i] as Uint8Array),
      // If the process dies before the outcomes are stored, a repeated request publishes again. The same origin lets sessions
      // recognise a QoS 2 message.
      open.map((i) => `${this.platform.address.id}/${key.name}/${key.request}/${i}`),
    )
    open.forEach((at, i) => {
      outcomes[at] = tried[i] ?? Reason.UnspecifiedError
    })
    this.write(key, outcomes)
    return outcomes
  }

  private async outcomes(
    records: readonly Uint8Array[],
    origins: readonly string[] | null,
  ): Promise<Uint8Array> {
    const outcomes = records.map((record, i) => {
      const message = decodeMessage(record)
      if (record.length > this.platform.settings.packetBytesMax) return Reason.PacketTooLarge
      if (message.qos < 2) return this.publisher.publish(message)
      return this.publisher.publish({ ...message, origin: origins?.[i] ?? this.platform.randomId() })
    })
    return packOutcomes(await Promise.all(outcomes))
  }

  private read(name: string): Answered | null {
    const [row] = this.platform.storage.exec(
      'SELECT request, outcomes FROM idempotent WHERE name = ? AND at > ?',
      name,
      this.platform.now() - IDEMPOTENCY_KEPT_MS,
    )
    if (row === undefined) return null
    return { request: String(row.request), outcomes: new Uint8Array(row.outcomes as ArrayBuffer) }
  }

  private write({ name, request }: IdempotencyKey, outcomes: Uint8Array): void {
    const { storage } = this.platform
    const [row] = storage.exec(
      `INSERT INTO idempotent (name, request, outcomes, at) VALUES (?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET request = excluded.request, outcomes = excluded.outcomes, at = excluded.at
        RETURNING id`,
      name,
      request,
      outcomes,
      this.platform.now(),
    )
    const id = Number(row?.id ?? 0)
    if (id % IDEMPOTENCY_PRUNE_EVERY === 0)
      storage.exec('DELETE FROM idempotent WHERE id <= ?', id - IDEMPOTENCY_KEYS_MAX)
  }
}
