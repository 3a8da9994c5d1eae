// How much of its bounds a session's queue holds: what came by shared subscriptions, and all else, each for itself. So the backlog
// of a group that nobody is there for never displaces the session's own messages.
import { type Delivery, deliveryBytes } from './delivery.ts'
import { QUEUE_BYTES_MAX } from './limits.ts'
import type { OutgoingSnapshot } from './stored-delivery.ts'

/** What a full queue does: drop its oldest messages, which costs the session, or refuse the newest, which costs its publisher. */
export type WhenFull = 'drop-oldest' | 'refuse'

export interface QueueBound {
  readonly messagesMax: number
  readonly whenFull: WhenFull
  /** Bytes that wait in memory; QUEUE_MEMORY_BYTES_MAX by default. */
  readonly memoryBytesMax?: number
}

/** Of one kind: rows in storage, those in flight included, and deliveries that wait in memory only. */
interface Held {
  storedMessages: number
  storedBytes: number
  unstoredMessages: number
  unstoredBytes: number
  /** What the effects `drop-oldest` that are not performed will free. */
  droppingMessages: number
  droppingBytes: number
}

export interface Excess {
  readonly messages: number
  readonly bytes: number
}

export class QueueRoom {
  private readonly messagesMax: number
  private readonly own: Held
  private readonly shared: Held

  constructor(stored: OutgoingSnapshot, messagesMax: number) {
    this.messagesMax = messagesMax
    const { storedMessages, storedBytes, sharedMessages, sharedBytes } = stored
    this.own = held(storedMessages - sharedMessages, storedBytes - sharedBytes)
    this.shared = held(sharedMessages, sharedBytes)
  }

  get stored(): Pick<OutgoingSnapshot, 'storedMessages' | 'storedBytes' | 'sharedMessages' | 'sharedBytes'> {
    const { own, shared } = this
    return {
      storedMessages: own.storedMessages + shared.storedMessages,
      storedBytes: own.storedBytes + shared.storedBytes,
      sharedMessages: shared.storedMessages,
      sharedBytes: shared.storedBytes,
    }
  }

  hasRoomFor(delivery: Delivery): boolean {
    const { messages, bytes } = this.excess(delivery.share !== null)
    return messages < 0 && bytes + deliveryBytes(delivery) <= 0
  }

  /** By how much a kind is over its bounds; negative: what is free. */
  excess(shared: boolean): Excess {
    const kind = shared ? this.shared : this.own
    return {
      messages: kind.storedMessages + kind.unstoredMessages - kind.droppingMessages - this.messagesMax,
      bytes: kind.storedBytes + kind.unstoredBytes - kind.droppingBytes - QUEUE_BYTES_MAX,
    }
  }

  /** What storage has of a kind, without what is being dropped. */
  all(shared: boolean): Excess {
    const kind = shared ? this.shared : this.own
    return {
      messages: kind.storedMessages - kind.droppingMessages,
      bytes: kind.storedBytes - kind.droppingBytes,
    }
  }

  wait(delivery: Delivery, sign: 1 | -1): void {
    const kind = this.of(delivery)
    kind.unstoredMessages += sign
    kind.unstoredBytes += sign * deliveryBytes(delivery)
  }

  store(delivery: Delivery, sign: 1 | -1): void {
    const kind = this.of(delivery)
    kind.storedMessages += sign
    kind.storedBytes += sign * deliveryBytes(delivery)
  }

  dropping(shared: boolean, { messages, bytes }: Excess, sign: 1 | -1): void {
    const kind = shared ? this.shared : this.own
    kind.droppingMessages += sign * messages
    kind.droppingBytes += sign * bytes
  }

  /** The connection has ended: only storage has deliveries. */
  clearMemory(): void {
    for (const kind of [this.own, this.shared]) {
      kind.unstoredMessages = 0
      kind.unstoredBytes = 0
    }
  }

  private of({ share }: Delivery): Held {
    return share === null ? this.own : this.shared
  }
}

function held(storedMessages: number, storedBytes: number): Held {
  return {
    storedMessages,
    storedBytes,
    unstoredMessages: 0,
    unstoredBytes: 0,
    droppingMessages: 0,
    droppingBytes: 0,
  }
}
