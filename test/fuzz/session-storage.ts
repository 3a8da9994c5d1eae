// A session's storage in memory, as actors/device/session/session-store.ts and write-behind.ts keep it.
import assert from 'node:assert/strict'
import type { Delivery } from '../../src/session/delivery.ts'
import type { Session } from '../../src/session/session.ts'
import type { OutgoingSnapshot, StoredDelivery } from '../../src/session/stored-delivery.ts'
import type { Subscription } from '../../src/session/subscription.ts'
import { sizeOf } from '../session/actor.ts'

interface SessionRow {
  readonly id: string
  readonly expirySeconds: number
  lastPosition: number
  sentUpTo: number
}

export class SessionStorage {
  row: SessionRow | null = null
  readonly queue = new Map<number, Delivery>()
  readonly released = new Set<number>()
  readonly received = new Set<number>()
  subscriptions = new Map<string, Subscription>()
  private forgotten: number[] = []
  private completed: number[] = []
  private sentUpTo: number | null = null

  saveSession(session: Session): void {
    const { lastPosition, sentUpTo } = session.outgoing.snapshot()
    this.row = { id: session.id, expirySeconds: session.expirySeconds, lastPosition, sentUpTo }
  }

  enqueue(entries: readonly StoredDelivery[]): void {
    for (const { position, delivery } of entries) {
      assert.ok(!this.queue.has(position), `position ${position} is stored twice`)
      this.queue.set(position, delivery)
    }
    const last = entries.at(-1)?.position ?? 0
    if (this.row !== null) this.row.lastPosition = Math.max(this.row.lastPosition, last)
  }

  release(position: number, stored: boolean): void {
    if (stored) assert.ok(this.queue.delete(position), `position ${position} is released and was not stored`)
    assert.ok(!this.released.has(position), `position ${position} is released twice`)
    this.released.add(position)
  }

  forget(positions: readonly number[]): void {
    this.forgotten.push(...positions)
  }

  complete(position: number): void {
    this.completed.push(position)
  }

  sent(upTo: number): void {
    this.sentUpTo = upTo
  }

  /** What is written behind: at the end of a step, and before the queue is read. */
  flush(): void {
    for (const position of this.forgotten) {
      assert.ok(this.queue.delete(position), `position ${position} is forgotten and was not stored`)
    }
    for (const position of this.completed) {
      assert.ok(this.released.delete(position), `position ${position} is complete and was not released`)
    }
    if (this.sentUpTo !== null && this.row !== null) this.row.sentUpTo = this.sentUpTo
    this.discard()
  }

  clear(): void {
    this.row = null
    this.queue.clear()
    this.released.clear()
    this.received.clear()
    this.subscriptions = new Map()
    this.discard()
  }

  queued(after: number, upTo: number, limit: number): StoredDelivery[] {
    return [...this.queue]
      .map(([position, delivery]) => ({ position, delivery }))
      .filter(({ position }) => position > after && position <= upTo)
      .sort((a, b) => a.position - b.position)
      .slice(0, limit)
  }

  queuedShared(): StoredDelivery[] {
    const all = this.queued(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    return all.filter(({ delivery }) => delivery.share !== null)
  }

  snapshot(
    lastPosition: number,
    sentUpTo: number,
    released: readonly number[] = [...this.released].sort((a, b) => a - b),
  ): OutgoingSnapshot {
    return {
      lastPosition: Math.max(lastPosition, ...this.queue.keys()),
      sentUpTo,
      ...sizeOf(this.queue.values()),
      released,
    }
  }

  private discard(): void {
    this.forgotten = []
    this.completed = []
    this.sentUpTo = null
  }
}
