// Changes of a queue that may be written a moment later, together: deletes, and the position up to which deliveries were sent.
// If the process dies before, a delivery (QoS 1) or a PUBREL (QoS 2) is repeated.
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

  /** The session has ended. */
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
