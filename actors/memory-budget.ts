// The bytes of messages that one actor holds on their way to others. Its parts reserve here what they hold and release it, so that
// together they stay within a share of the isolate, which other actors use too.
import { Pieces } from '../src/relay/pieces.ts'
import { ACTOR_MESSAGES_BYTES_MAX } from './limits.ts'
import type { Platform } from './platform.ts'

export class MemoryBudget {
  /** Messages that found no room, in this memory. */
  refused = 0
  private reserved = 0
  /** How many hold a piece that several share: it takes memory once. */
  private readonly holders = new Map<Uint8Array, number>()

  get bytes(): number {
    return this.reserved
  }

  /** False if there is no room: then nothing is held. `release` must follow once. */
  hold(record: Uint8Array | Pieces): boolean {
    const bytes = this.additional(record)
    if (this.reserved + bytes > ACTOR_MESSAGES_BYTES_MAX) {
      this.refused++
      return false
    }
    this.reserved += bytes
    if (record instanceof Pieces)
      for (const piece of record.pieces) this.holders.set(piece, (this.holders.get(piece) ?? 0) + 1)
    return true
  }

  release(record: Uint8Array | Pieces): void {
    if (!(record instanceof Pieces)) {
      this.reserved -= record.length
      return
    }
    for (const piece of record.pieces) {
      const left = (this.holders.get(piece) ?? 1) - 1
      if (left > 0) {
        this.holders.set(piece, left)
        continue
      }
      this.holders.delete(piece)
      this.reserved -= piece.length
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
    budget = new MemoryBudget()
    budgets.set(platform, budget)
  }
  return budget
}
