// What of a queue may be written a moment later: deletes and the watermark, once for all that one event brings.
// Lost with the process, they cost a repeated delivery (QoS 1) or PUBREL (QoS 2) at worst.
import type { SessionStore } from './session-store.ts'

export class WriteBehind {
  private readonly store: SessionStore
  private forgotten: number[] = []
  private completed: number[] = []
  private sentUpTo: number | null = null
  private planned = false

  constructor(store: SessionStore) {
    this.store = store
  }

  forget(positions: readonly number[]): void {
    this.forgotten.push(...positions)
    this.plan()
  }

  complete(position: number): void {
    this.completed.push(position)
    this.plan()
  }

  sent(upTo: number): void {
    this.sentUpTo = upTo
    this.plan()
  }

  /** To be called before the queue is read. */
  flush(): void {
    if (this.forgotten.length > 0) this.store.dequeue(this.forgotten)
    if (this.completed.length > 0) this.store.complete(this.completed)
    if (this.sentUpTo !== null) this.store.sentUpTo(this.sentUpTo)
    this.discard()
  }

  /** The session that it was about has ended. */
  discard(): void {
    this.forgotten = []
    this.completed = []
    this.sentUpTo = null
  }

  private plan(): void {
    if (this.planned) return
    this.planned = true
    queueMicrotask(() => {
      this.planned = false
      this.flush()
    })
  }
}
