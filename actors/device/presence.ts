// Presence of a client: an event for each connection and its end, numbered without a gap, in the order of the client's root.
// An event is kept until it has arrived wherever it goes: what is left is published again by the actor's next life, or by
// the next home before its own events, so that no subscriber sees a higher number before a lower one.
import type { ClientId } from '../../src/id/ids.ts'
import { presenceTopic } from '../../src/id/root.ts'
import { decodeMessage, encodeMessage } from '../../src/mqtt/message.ts'
import { isFailure, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import type { HomePresenceResponse, PresenceEvent } from '../../src/relay/presence.ts'
import type { Terms } from '../../src/session/terms.ts'
import type { Leaf } from '../leaf/leaf.ts'
import { PRESENCE_CHECK_MS, PRESENCE_OPEN_MAX, PRESENCE_RETRY_MS, PRESENCE_RETRY_MS_MAX } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { Tables } from '../tables.ts'

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS announced (sequence INTEGER PRIMARY KEY, record BLOB NOT NULL, durable INTEGER NOT NULL)',
]

/** MQTT 5.0 properties: the payload is UTF-8 (0x01), its Content Type (0x03) is JSON. */
const CONTENT_TYPE = new TextEncoder().encode('application/json')
const PROPERTIES = Uint8Array.of(0x01, 1, 0x03, 0, CONTENT_TYPE.length, ...CONTENT_TYPE)

type Told = Pick<PresenceEvent, 'state' | 'reason' | 'cleanStart' | 'protocol'>

export class Presence {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly leaf: Leaf
  private readonly tables: Tables
  /** Published in this life up to this sequence. */
  private published = 0
  private publishing = false
  private tries = 0
  /** Counts the times that the client came home here: what one began is not the next one's affair. */
  private term = 0

  constructor(platform: Platform, client: ClientId, leaf: Leaf) {
    this.platform = platform
    this.client = client
    this.leaf = leaf
    this.tables = new Tables(platform.storage, SCHEMA, 'announced')
  }

  /** To be called when the connection is the live one. */
  connected(terms: Terms, cleanStart: boolean): void {
    // An end that was not told, since presence was off meanwhile.
    this.disconnected(null)
    this.tell({ state: 'connected', cleanStart, protocol: terms.protocolVersion === 5 ? '5.0' : '3.1.1' })
  }

  /** Nothing, unless the last event is a connection. */
  disconnected(reason: ReasonCode | null): void {
    if (this.last()?.state !== 'connected') return
    this.tell({ state: 'disconnected', ...(reason !== null && { reason }) })
  }

  /**
   * Publishes what this life has not published yet: what an earlier one left, or the former home gave. One after another,
   * since what is refused is tried again, and the next must not come before it.
   * Not while the client is given away: the next home does it then, before its own events.
   */
  publish(): void {
    if (this.publishing || !this.tables.exist || !this.platform.settings.presence) return
    if (this.leaf.home.knowledge.at !== 'here') return
    const [row] = this.platform.storage.exec(
      'SELECT sequence, record FROM announced WHERE durable = 0 AND sequence > ? ORDER BY sequence LIMIT 1',
      this.published,
    )
    if (row === undefined) return
    const { term } = this
    const sequence = Number(row.sequence)
    this.publishing = true
    this.leaf
      .announce(this.client, new Uint8Array(row.record as ArrayBuffer))
      .catch((cause): ReasonCode => {
        this.platform.report('a presence event was not published', cause)
        return Reason.UnspecifiedError
      })
      .then((outcome) => {
        if (term !== this.term) return
        this.publishing = false
        this.announced(sequence, outcome)
      })
      .catch((cause) => this.platform.report('a presence event was not settled', cause))
  }

  /** The last event. @param epoch see `DevicePeer` */
  async ask(epoch: number | null): Promise<HomePresenceResponse> {
    const here = epoch === null ? this.leaf.home.knowledge.at === 'here' : await this.leaf.isHome(epoch)
    return here ? { status: 'done', event: this.last() } : { status: 'moved' }
  }

  /** Events that may not have arrived everywhere, for the next home. */
  open(): string[] {
    if (!this.tables.exist) return []
    return this.platform.storage
      .exec('SELECT record FROM announced ORDER BY sequence')
      .map(({ record }) => bytesToBase64(new Uint8Array(record as ArrayBuffer)))
  }

  /** In the transaction that makes this region the home; the last event is among the retained messages. */
  import(records: readonly string[]): void {
    this.clear()
    this.published = 0
    this.publishing = false
    this.term++
    for (const record of records.map(base64ToBytes)) this.keep(eventOf(record).sequence, record)
  }

  /** The next home has everything. */
  clear(): void {
    if (this.tables.exist) this.platform.storage.exec('DELETE FROM announced')
  }

  private last(): PresenceEvent | null {
    const record = this.leaf.retained.record(presenceTopic(this.client))
    return record === null ? null : eventOf(record)
  }

  private tell(told: Told): void {
    const { platform } = this
    const { knowledge } = this.leaf.home
    if (!platform.settings.presence || knowledge.at !== 'here') return
    const now = platform.now()
    const sequence = (this.last()?.sequence ?? 0) + 1
    const { state, ...more } = told
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
      this.leaf.retained.import([{ topic, record }])
      this.keep(sequence, record)
    })
    // Should the process die: a keep alive's alarm is earlier, so this is seldom a write.
    platform.wakeBy(now + PRESENCE_CHECK_MS)
  }

  private keep(sequence: number, record: Uint8Array): void {
    this.tables.make()
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO announced (sequence, record, durable) VALUES (?, ?, 0)',
      sequence,
      record,
    )
  }

  private announced(sequence: number, outcome: ReasonCode): void {
    // A full queue or outbox has lost it, as it loses any message; all others have it.
    if (isFailure(outcome) && outcome !== Reason.QuotaExceeded) {
      const pause = Math.min(PRESENCE_RETRY_MS * 2 ** this.tries++, PRESENCE_RETRY_MS_MAX)
      this.platform.wakeBy(this.platform.now() + pause)
      return
    }
    this.tries = 0
    this.published = sequence
    this.settle(sequence).catch((cause) => this.platform.report('a presence event was not settled', cause))
    this.publish()
  }

  /** It has arrived wherever it goes, or lies in an outbox on its way. */
  private async settle(sequence: number): Promise<void> {
    const { term } = this
    const { peers, storage } = this.platform
    const { root } = this.leaf
    const arrived = await peers
      .uplink(root)
      .drained(root, 'any')
      .then(
        () => true,
        () => false,
      )
    if (term !== this.term) return
    if (!arrived) storage.exec('UPDATE announced SET durable = 1 WHERE sequence = ?', sequence)
    // With it all that was on its way before has arrived.
    storage.exec(
      'DELETE FROM announced WHERE sequence <= ? AND (durable = 1 OR sequence = ?)',
      arrived ? sequence : sequence - PRESENCE_OPEN_MAX,
      arrived ? sequence : 0,
    )
  }
}

function eventOf(record: Uint8Array): PresenceEvent {
  return JSON.parse(new TextDecoder().decode(decodeMessage(record).payload)) as PresenceEvent
}
