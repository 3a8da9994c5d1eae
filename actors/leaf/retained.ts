// The retained messages of a root, kept at its home.
import { decodeMessage, type Message } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { matches } from '../../src/mqtt/topic.ts'
import { RETAINED_BYTES_MAX, RETAINED_MESSAGES_MAX } from '../limits.ts'
import type { Storage } from '../platform.ts'
import type { Tables } from './schema.ts'

export interface RetainedRecord {
  readonly topic: string
  readonly record: Uint8Array
}

export class Retained {
  private readonly storage: Storage
  private readonly tables: Tables

  constructor(storage: Storage, tables: Tables) {
    this.storage = storage
    this.tables = tables
  }

  /** Replaces what the topic had; an empty payload removes it. [MQTT-3.3.1-5] [MQTT-3.3.1-6] */
  keep(message: Message, record: Uint8Array): typeof Reason.Success | typeof Reason.QuotaExceeded {
    if (message.payload.length === 0) {
      if (this.tables.exist) this.storage.exec('DELETE FROM retained WHERE topic = ?', message.topic)
      return Reason.Success
    }
    this.tables.make()
    const [size] = this.storage.exec(
      'SELECT count(*) AS messages, coalesce(sum(length(record)), 0) AS bytes FROM retained WHERE topic <> ?',
      message.topic,
    )
    if (
      Number(size?.messages) >= RETAINED_MESSAGES_MAX ||
      Number(size?.bytes) + record.length > RETAINED_BYTES_MAX
    ) {
      return Reason.QuotaExceeded
    }
    this.storage.exec('INSERT OR REPLACE INTO retained (topic, record) VALUES (?, ?)', message.topic, record)
    return Reason.Success
  }

  /** Those that match a filter and have not expired. */
  matching(filters: readonly string[], now: number): RetainedRecord[] {
    return this.all().filter(({ topic, record }) => {
      if (!filters.some((filter) => matches(filter, topic))) return false
      const { expiresAt } = decodeMessage(record)
      return expiresAt === 0 || expiresAt > now
    })
  }

  all(): RetainedRecord[] {
    if (!this.tables.exist) return []
    return this.storage
      .exec('SELECT topic, record FROM retained ORDER BY rowid')
      .map((row) => ({ topic: String(row.topic), record: new Uint8Array(row.record as ArrayBuffer) }))
  }

  /** Takes over what the former home kept. */
  import(records: readonly RetainedRecord[]): void {
    if (records.length > 0) this.tables.make()
    for (const { topic, record } of records) {
      this.storage.exec('INSERT OR REPLACE INTO retained (topic, record) VALUES (?, ?)', topic, record)
    }
  }

  clear(): void {
    if (this.tables.exist) this.storage.exec('DELETE FROM retained')
  }
}
