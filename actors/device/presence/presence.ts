// Presence of a client: an event for each connection and its end, numbered without a gap, in the order of the client's root.
// An event is stored until every receiver has it. If the process dies before, the next one publishes the event again; if the home
// moves, the next home does, before its own events. The last event is the retained message; earlier ones are in a table.

import type { ClientId } from '../../../src/id/ids.ts'
import { isPresence, presenceTopic } from '../../../src/id/root.ts'
import { decodeMessage, encodeMessage } from '../../../src/mqtt/message.ts'
import { Outcome } from '../../../src/mqtt/outcome.ts'
import { isFailure, Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import type { HandoverState } from '../../../src/relay/home.ts'
import type { HomePresenceResponse, PresenceEvent } from '../../../src/relay/presence.ts'
import type { RootChange } from '../../../src/relay/sync.ts'
import type { Terms } from '../../../src/session/terms.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import type { ImportedState, LeafPart, SyncedRows } from '../../leaf/leaf-part.ts'
import type { Stage, Staged, StagedMessage } from '../../leaf/stages/stage.ts'
import { PRESENCE_OPEN_MAX, PRESENCE_RETRY_MS, PRESENCE_RETRY_MS_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { PresencePublishing } from '../device-life.ts'
import { ARRIVED_ROWS } from '../schema.ts'

/** MQTT 5.0 properties: the payload is UTF-8 (0x01), its Content Type (0x03) is JSON. */
const CONTENT_TYPE = new TextEncoder().encode('application/json')
const PROPERTIES = Uint8Array.of(0x01, 1, 0x03, 0, CONTENT_TYPE.length, ...CONTENT_TYPE)

type Change = Pick<PresenceEvent, 'state' | 'reason' | 'cleanStart' | 'protocol'>

export class Presence implements Stage, LeafPart {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly leaf: Leaf
  private arrived = 0
  /** Published by this process up to this sequence. */
  private published = 0
  private publishing = false
  private tries = 0
  /** The session was synced while an event had not arrived yet. */
  private missed = false
  /** Counts the imports: the outcome of a publish before an import must not change the state after it. */
  private term = 0

  constructor(platform: Platform, client: ClientId, leaf: Leaf) {
    this.platform = platform
    this.client = client
    this.leaf = leaf
    this.arrived = Number(platform.storage.rows(ARRIVED_ROWS)[0]?.sequence ?? 0)
  }

  /** Call this when the connection is the live one. */
  connected(terms: Terms, cleanStart: boolean): void {
    // An earlier connection may have ended while the setting PRESENCE was off.
    this.disconnected(null, 'unpublished')
    this.add({ state: 'connected', cleanStart, protocol: terms.protocolVersion === 5 ? '5.0' : '3.1.1' })
    this.publish()
  }

  /** Does nothing unless the last event is a connection. @param publishing `unpublished`: stores the event only */
  disconnected(reason: ReasonCode | null, publishing: PresencePublishing = 'published'): void {
    if (this.last()?.state !== 'connected') return
    this.add({ state: 'disconnected', ...(reason !== null && { reason }) })
    if (publishing === 'published') this.publish()
  }

  /**
   * Publishes the stored events that this process has not published, of former homes too. One after another: a refused event is
   * retried, and the next must not arrive before it. A home that is handed over publishes nothing: the next home does, before its
   * own events.
   */
  publish(): void {
    if (this.publishing || !this.platform.settings.presence || this.leaf.home.knowledge.at !== 'here') return
    const record = this.next()
    if (record === null) return
    const { term } = this
    this.publishing = true
    this.leaf
      .publishApplied(this.client, decodeMessage(record), record)
      .catch((cause): Outcome => {
        this.platform.report('a presence event was not published', cause)
        return Reason.UnspecifiedError
      })
      .then((outcome) => {
        if (term !== this.term) return
        this.publishing = false
        this.announced(record, outcome)
      })
      .catch((cause) => this.platform.report('a presence event was not settled', cause))
  }

  /** The last event. @param epoch see `DevicePeer` */
  async ask(epoch: number | null): Promise<HomePresenceResponse> {
    const here = epoch === null ? this.leaf.home.knowledge.at === 'here' : await this.leaf.home.isHere(epoch)
    return here ? { status: 'done', event: this.last() } : this.leaf.home.moved
  }

  /** An event is retained before it is published: the wide filters' index learns of the retained message. */
  accept({ message, applied }: StagedMessage): Staged | null {
    if (!applied || !isPresence(message.topic)) return null
    return { outcomes: [Promise.resolve<Outcome>(Outcome.Stored), this.leaf.indexRetained()] }
  }

  export(): Partial<HandoverState> {
    return { presence: this.open() }
  }

  /** The events that some receiver may not have, for the next home. */
  open(): Uint8Array[] {
    const last = this.lastOpen()
    const kept = this.platform.storage
      .exec('SELECT record FROM announced ORDER BY sequence')
      .map(({ record }) => new Uint8Array(record as ArrayBuffer))
    return [...kept, ...(last === null ? [] : [last])]
  }

  /**
   * The last event is synced with the session, once every receiver has all events. Before that, a home that begins from the
   * store would leave a gap in the numbers.
   */
  synced(): SyncedRows {
    return ({ kind }) =>
      kind !== 'session'
        ? null
        : {
            bytes: 0,
            addTo: (change) => {
              if (change.session != null) change.retained.push(...this.arrivedLast())
            },
          }
  }

  import({ presence, retained }: ImportedState): () => void {
    return () => {
      this.clear()
      this.published = 0
      this.publishing = false
      this.term++
      for (const record of presence) this.keep(record, 0)
      for (const { topic, record } of retained)
        if (topic === presenceTopic(this.client)) this.hasArrived(eventOf(record).sequence)
    }
  }

  /** The next home has everything. */
  clear(): void {
    this.arrived = 0
    this.platform.storage.exec('DELETE FROM announced')
    this.platform.storage.exec('DELETE FROM arrived')
  }

  last(): PresenceEvent | null {
    const record = this.lastRecord()
    return record === null ? null : eventOf(record)
  }

  private arrivedLast(): RootChange['retained'] {
    const record = this.lastRecord()
    this.missed = record !== null && this.open().length > 0
    if (record === null || this.missed) return []
    return [{ topic: presenceTopic(this.client), record }]
  }

  private lastRecord(): Uint8Array | null {
    return this.leaf.retained.one(presenceTopic(this.client))
  }

  /** The next event to publish. */
  private next(): Uint8Array | null {
    const [row] = this.platform.storage.exec(
      'SELECT record FROM announced WHERE durable = 0 AND sequence > ? ORDER BY sequence LIMIT 1',
      this.published,
    )
    if (row !== undefined) return new Uint8Array(row.record as ArrayBuffer)
    const record = this.lastOpen()
    return record !== null && eventOf(record).sequence > this.published ? record : null
  }

  private add(change: Change): void {
    const { platform } = this
    const { knowledge } = this.leaf.home
    if (!platform.settings.presence || knowledge.at !== 'here') return
    const now = platform.now()
    const sequence = (this.last()?.sequence ?? 0) + 1
    const { state, ...more } = change
    const event: PresenceEvent = {
      client: this.client,
      state,
      epoch: knowledge.epoch,
      sequence,
      region: platform.region,
      at: new Date(now).toISOString(),
      ...more,
    }
    const topic = presenceTopic(this.client)
    const record = encodeMessage({
      topic,
      qos: 1,
      retain: true,
      properties: PROPERTIES,
      payload: new TextEncoder().encode(JSON.stringify(event)),
      expiresAt: 0,
    })
    platform.storage.transaction(() => {
      const before = this.lastOpen()
      if (before !== null) this.keep(before, 0)
      this.leaf.retained.put(topic, record)
    })
  }

  /** The last event, if some receiver may not have it and it is not in the table. */
  private lastOpen(): Uint8Array | null {
    const record = this.lastRecord()
    return record !== null && eventOf(record).sequence > this.arrived ? record : null
  }

  private keep(record: Uint8Array, durable: 0 | 1): void {
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO announced (sequence, record, durable) VALUES (?, ?, ?)',
      eventOf(record).sequence,
      record,
      durable,
    )
  }

  private hasArrived(sequence: number): void {
    this.platform.storage.exec('INSERT OR REPLACE INTO arrived (one, sequence) VALUES (1, ?)', sequence)
    this.arrived = sequence
  }

  private announced(record: Uint8Array, outcome: Outcome): void {
    // QuotaExceeded: a full queue or outbox has dropped the event, as any message; all other receivers have it.
    if (isFailure(outcome) && outcome !== Reason.QuotaExceeded) {
      const pause = Math.min(PRESENCE_RETRY_MS * 2 ** this.tries++, PRESENCE_RETRY_MS_MAX)
      this.platform.wakeBy(this.platform.now() + pause)
      return
    }
    this.tries = 0
    this.published = eventOf(record).sequence
    this.settle(record).catch((cause) => this.platform.report('a presence event was not settled', cause))
    this.publish()
  }

  /** Every receiver has the event, or an outbox has it on the way. */
  private async settle(record: Uint8Array): Promise<void> {
    const { term } = this
    const { peers, storage } = this.platform
    const { root } = this.leaf
    const { sequence } = eventOf(record)
    const arrived = await peers
      .uplink(root)
      .drained(root, 'any')
      .then(
        () => true,
        () => false,
      )
    if (term !== this.term) return
    if (!arrived) this.keep(record, 1)
    if (sequence > this.arrived) this.hasArrived(sequence)
    // All earlier events have arrived before this one.
    storage.exec(
      'DELETE FROM announced WHERE sequence <= ?',
      arrived ? sequence : sequence - PRESENCE_OPEN_MAX,
    )
    if (this.missed && this.open().length === 0) this.leaf.marks.one('session', true)
  }
}

function eventOf(record: Uint8Array): PresenceEvent {
  return JSON.parse(new TextDecoder().decode(decodeMessage(record).payload)) as PresenceEvent
}
