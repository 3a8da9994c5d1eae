// What the platform enforces on calls and requests, for the fakes and the simulator: workerd on a laptop enforces only a part.
import { memoryOf } from '../../actors/memory-budget.ts'
import type { Platform } from '../../actors/platform.ts'
import {
  PLATFORM_CALL_BYTES_MAX,
  PLATFORM_CONNECTIONS_MAX,
  PLATFORM_SUBREQUESTS_MAX,
} from '../../actors/platform-bounds.ts'
import { Pieces } from '../../src/relay/pieces.ts'

/** About what a structured clone takes: bytes as they are, a character one byte, or two if any of its text needs two. */
export function clonedBytes(value: unknown): number {
  if (typeof value === 'string') return 5 + value.length * (/[\u0100-\uffff]/.test(value) ? 2 : 1)
  if (typeof value !== 'object' || value === null) return 9
  if (value instanceof Uint8Array || value instanceof Pieces) return 10 + value.length
  let bytes = 5
  if (Array.isArray(value)) for (const one of value) bytes += clonedBytes(one)
  else for (const [name, one] of Object.entries(value)) bytes += name.length + 2 + clonedBytes(one)
  return bytes
}

/** The arguments or the result of a call. Throws as workerd does where they are too large. */
export function checkCall(value: unknown): void {
  const bytes = clonedBytes(value)
  if (bytes > PLATFORM_CALL_BYTES_MAX)
    throw new Error(
      `Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: ${bytes} bytes.`,
    )
}

/** Throws if an actor holds more memory than its share, or has released what it does not hold. */
export function checkMemory(platform: Platform): void {
  const { bytes } = memoryOf(platform)
  if (bytes < 0 || bytes > platform.settings.memoryBytesMax)
    throw new Error(`the actor holds ${bytes} bytes of at most ${platform.settings.memoryBytesMax}`)
}

/** Requests and calls of one event. */
export class Subrequests {
  private made = 0

  /** A new event begins. */
  reset(): void {
    this.made = 0
  }

  /** Throws past the bound. */
  count(): void {
    if (++this.made > PLATFORM_SUBREQUESTS_MAX) throw new Error('Too many subrequests.')
  }
}

/** Requests of one actor that wait for the headers of their answers: further ones wait until one has them. */
export class OutgoingConnections {
  private open = 0
  private readonly waiting = new Set<() => void>()

  /**
   * Resolves with true when there is room: `gotHeaders` must follow, whatever becomes of the request.
   * @param patience calls its argument when the request waits no longer: then the result is false. Returns how to cancel it
   */
  async begin(patience: (over: () => void) => () => void = () => () => undefined): Promise<boolean> {
    if (this.open < PLATFORM_CONNECTIONS_MAX) {
      this.open++
      return true
    }
    return new Promise((resolve) => {
      const go = () => {
        cancel()
        resolve(true)
      }
      const cancel = patience(() => {
        this.waiting.delete(go)
        resolve(false)
      })
      this.waiting.add(go)
    })
  }

  gotHeaders(): void {
    const [next] = this.waiting
    if (next === undefined) {
      this.open--
      return
    }
    this.waiting.delete(next)
    next()
  }
}
