// The bytes that one actor holds for others or for its client, for as long as it holds them. The parts of the actor reserve here and
// release, so that together they stay within a share of the isolate, which other actors use too. Bounds that are always reserved
// are added up in limits-check.ts.
import { Pieces } from '../src/relay/pieces.ts'
import { ACTOR_CLIENT_BYTES_MAX, ACTOR_MESSAGES_BYTES_MAX } from './limits.ts'
import type { Platform } from './platform.ts'

/** One use of the budget. Its own bound leaves the rest of the budget to the other use. */
class MemoryUse {
  private readonly bytesMax: number
  private readonly wholeMax: number
  private readonly others: () => number
  private used = 0

  /**
   * @param wholeMax of the budget
   * @param others what the other use holds
   */
  constructor(bytesMax: number, wholeMax: number, others: () => number) {
    this.bytesMax = bytesMax
    this.wholeMax = wholeMax
    this.others = others
  }

  get bytes(): number {
    return this.used
  }

  /** How many more bytes have room. */
  get room(): number {
    return Math.max(0, Math.min(this.bytesMax, this.wholeMax - this.others()) - this.used)
  }

  /** False if there is no room: then nothing is held. `give` must follow once, with the same number. */
  take(bytes: number): boolean {
    if (bytes > this.room) return false
    this.used += bytes
    return true
  }

  give(bytes: number): void {
    this.used -= bytes
  }

  /** Holds so many bytes in all, of which the caller has found room for what is new. */
  set(bytes: number): void {
    this.used = bytes
  }
}

export class MemoryBudget {
  /** Messages on their way to others, and messages that wait for a replay or a page. */
  readonly messages: MemoryUse
  /** Packets that the actor's own client has sent and that wait. */
  readonly client: MemoryUse
  /** Messages that found no room, in this memory. */
  refused = 0
  /** How many hold a piece that several share: it takes memory once. */
  private readonly holders = new Map<Uint8Array, number>()

  constructor(bytesMax: number) {
    this.messages = new MemoryUse(ACTOR_MESSAGES_BYTES_MAX, bytesMax, () => this.client.bytes)
    this.client = new MemoryUse(ACTOR_CLIENT_BYTES_MAX, bytesMax, () => this.messages.bytes)
  }

  get bytes(): number {
    return this.messages.bytes + this.client.bytes
  }

  /** False if there is no room: then nothing is held. `release` must follow once. */
  hold(record: Uint8Array | Pieces): boolean {
    if (!this.messages.take(this.additional(record))) {
      this.refused++
      return false
    }
    if (record instanceof Pieces)
      for (const piece of record.pieces) this.holders.set(piece, (this.holders.get(piece) ?? 0) + 1)
    return true
  }

  release(record: Uint8Array | Pieces): void {
    if (!(record instanceof Pieces)) {
      this.messages.give(record.length)
      return
    }
    for (const piece of record.pieces) {
      const left = (this.holders.get(piece) ?? 1) - 1
      if (left > 0) {
        this.holders.set(piece, left)
        continue
      }
      this.holders.delete(piece)
      this.messages.give(piece.length)
    }
  }

  private additional(record: Uint8Array | Pieces): number {
    if (!(record instanceof Pieces)) return record.length
    let bytes = 0
    for (const piece of record.pieces) if (!this.holders.has(piece)) bytes += piece.length
    return bytes
  }
}

const budgets = new WeakMap<Platform, MemoryBudget>()

/** The one budget of the actor. */
export function memoryOf(platform: Platform): MemoryBudget {
  let budget = budgets.get(platform)
  if (budget === undefined) {
    budget = new MemoryBudget(platform.settings.memoryBytesMax)
    budgets.set(platform, budget)
  }
  return budget
}
