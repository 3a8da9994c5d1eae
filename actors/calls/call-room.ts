// The bytes that an actor has in calls under way. Each call copies what it carries, so one large message to many receivers would
// be in memory as often as it has receivers: the calls take turns instead.
import { CALL_ROOM_BYTES_MAX, CALL_ROOM_WAIT_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'

/** Ends a call's share of the room. */
type End = () => void

interface Waiting {
  readonly bytes: number
  readonly go: () => void
}

export class CallRoom {
  private readonly platform: Platform
  private bytes = 0
  private turn = 0
  private waiting: Waiting[] = []
  private limited = false
  /** A call has ended since the last look. */
  private moves = false

  constructor(platform: Platform) {
    this.platform = platform
  }

  /** Null if there is no room now: see `whenFree`. One call always has room. */
  begin(bytes: number): End | null {
    if (!this.fits(bytes)) return null
    this.bytes += bytes
    const { turn } = this
    return () => {
      // Given up before: the call counts no more.
      if (turn !== this.turn) return
      this.bytes -= bytes
      this.moves = true
      this.goOn()
    }
  }

  /** Calls `go` once when so many bytes have room, in the order in which it was asked for. */
  whenFree(bytes: number, go: () => void): void {
    this.waiting.push({ bytes, go })
    this.limit()
  }

  private fits(bytes: number): boolean {
    return this.bytes === 0 || this.bytes + bytes <= CALL_ROOM_BYTES_MAX
  }

  /** A slow receiver must not hold up others. A call that runs for long has left this actor: its bytes count no more. */
  private limit(): void {
    if (this.limited) return
    this.limited = true
    this.platform.after(CALL_ROOM_WAIT_MS, () => {
      this.limited = false
      if (this.waiting.length === 0) return
      if (!this.moves) {
        this.turn++
        this.bytes = 0
        this.goOn()
      }
      this.moves = false
      if (this.waiting.length > 0) this.limit()
    })
  }

  private goOn(): void {
    for (
      let first = this.waiting[0];
      first !== undefined && this.fits(first.bytes);
      first = this.waiting[0]
    ) {
      this.waiting.shift()
      first.go()
    }
  }
}

const rooms = new WeakMap<Platform, CallRoom>()

/** The one room of the actor. */
export function callRoomOf(platform: Platform): CallRoom {
  let room = rooms.get(platform)
  if (room === undefined) {
    room = new CallRoom(platform)
    rooms.set(platform, room)
  }
  return room
}
