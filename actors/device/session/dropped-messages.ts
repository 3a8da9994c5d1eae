// Counts the messages that a session dropped, by cause and topic, for `explain`: in memory, and in storage if the session outlives
// its connection, since somebody may ask after the memory is lost.
import { LOST_MAX, LOST_WRITE_EVERY_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'

/** `discarded`: by a CONNECT with Clean Start. `queue-full`: the oldest of a full queue, for newer ones. */
export type Why = 'expired' | 'too-large' | 'queue-full' | 'session-ended' | 'session-expired' | 'discarded'

export interface DroppedCount {
  readonly why: Why
  readonly messages: number
  /** When it last happened. */
  readonly at: number
}

interface Known {
  messages: number
  at: number
  writtenAt: number
  unwritten: number
}

/** In place of a topic: the count is of all topics of a session. */
export const ALL_TOPICS = ''

/** The row that counts what a session's full queue has dropped, all topics together. */
const DROPPED = 'dropped'

export class DroppedMessages {
  private readonly platform: Platform
  /** Null before it was read. */
  private droppedBefore: number | null = null
  private droppedUnwritten = 0
  private writePlanned = false
  private readonly known = new Map<string, Known>()

  constructor(platform: Platform) {
    this.platform = platform
  }

  /** @param stored also in storage, where a count that grows often is written at intervals */
  note(why: Why, topic: string, messages: number, stored: boolean): void {
    const now = this.platform.now()
    const key = `${why} ${topic}`
    let known = this.known.get(key)
    if (known === undefined) {
      const [oldest] = this.known.keys()
      if (this.known.size >= LOST_MAX && oldest !== undefined) this.known.delete(oldest)
      known = { messages: 0, at: now, writtenAt: 0, unwritten: 0 }
      this.known.set(key, known)
    }
    known.messages += messages
    known.at = now
    known.unwritten += messages
    if (!stored || known.writtenAt + LOST_WRITE_EVERY_MS > now) return
    this.write(why, topic, known.unwritten, now)
    known.unwritten = 0
    known.writtenAt = now
  }

  /** Messages that the session's full queue has dropped since it began. */
  get dropped(): number {
    if (this.droppedBefore === null) {
      const [row] = this.platform.storage.exec('SELECT messages FROM lost WHERE why = ?', DROPPED)
      this.droppedBefore = Number(row?.messages ?? 0)
    }
    return this.droppedBefore + this.droppedUnwritten
  }

  /** Counts exactly, with one write for each event: the actor of a client that is away may lose its memory at any time. */
  noteDropped(messages: number, stored: boolean): void {
    this.droppedUnwritten += messages
    if (!stored || this.writePlanned) return
    this.writePlanned = true
    queueMicrotask(() => this.writeDropped())
  }

  /** The next session of the client counts from zero. */
  sessionEnded(): void {
    const had = this.dropped > 0
    this.droppedBefore = 0
    this.droppedUnwritten = 0
    if (had) this.platform.storage.exec('DELETE FROM lost WHERE why = ?', DROPPED)
  }

  private writeDropped(): void {
    this.writePlanned = false
    if (this.droppedUnwritten === 0) return
    this.droppedBefore = this.dropped
    this.droppedUnwritten = 0
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO lost (why, topic, messages, at) VALUES (?, ?, ?, ?)',
      DROPPED,
      ALL_TOPICS,
      this.droppedBefore,
      this.platform.now(),
    )
  }

  /** The counts of a topic, and those of all topics of a session. */
  of(topic: string): DroppedCount[] {
    const found = new Map<Why, DroppedCount>()
    const add = (why: Why, messages: number, at: number) => {
      const before = found.get(why)
      if (before === undefined || before.at < at) found.set(why, { why, messages, at })
    }
    for (const row of this.rows(topic)) add(row.why as Why, Number(row.messages), Number(row.at))
    for (const [key, { messages, at }] of this.known) {
      const space = key.indexOf(' ')
      const of = key.slice(space + 1)
      if (of === topic || of === ALL_TOPICS) add(key.slice(0, space) as Why, messages, at)
    }
    return [...found.values()]
  }

  private write(why: Why, topic: string, messages: number, at: number): void {
    const { storage } = this.platform
    storage.exec(
      'INSERT INTO lost (why, topic, messages, at) VALUES (?, ?, ?, ?) ON CONFLICT (why, topic) DO UPDATE SET messages = messages + excluded.messages, at = excluded.at',
      why,
      topic,
      messages,
      at,
    )
    storage.exec(
      'DELETE FROM lost WHERE why <> ? AND at < (SELECT at FROM lost ORDER BY at DESC LIMIT 1 OFFSET ?)',
      DROPPED,
      LOST_MAX - 1,
    )
  }

  private rows(topic: string) {
    return this.platform.storage.exec(
      'SELECT why, messages, at FROM lost WHERE topic IN (?, ?) AND why <> ?',
      topic,
      ALL_TOPICS,
      DROPPED,
    )
  }
}
