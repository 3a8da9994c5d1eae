// Sockets whose CONNECT has no answer: how long one may be silent, and the frames that arrive before CONNACK.
import { PacketStream } from '../../../src/mqtt/packet-stream.ts'
import { CONNECT_WAIT_MS, EARLY_FRAME_BYTES_MAX } from '../../limits.ts'
import type { Connection, Platform } from '../../platform.ts'

export interface Arrival {
  readonly stream: PacketStream
  /** Null before CONNECT is complete. */
  early: EarlyFrames | null
}

/** Frames that arrived between CONNECT and CONNACK. */
export class EarlyFrames {
  readonly frames: Uint8Array[] = []
  private bytes = 0

  /** False if the frames are more than this actor holds before CONNACK. */
  hold(frame: Uint8Array): boolean {
    this.bytes += frame.length
    if (this.bytes > EARLY_FRAME_BYTES_MAX) return false
    this.frames.push(frame)
    return true
  }
}

interface Waiting extends Arrival {
  readonly cancelWait: () => void
}

export class Arrivals {
  private readonly platform: Platform
  private readonly silent: (connection: Connection) => void
  private readonly waiting = new Map<Connection, Waiting>()

  /** @param silent called for a socket that has sent no CONNECT in time */
  constructor(platform: Platform, silent: (connection: Connection) => void) {
    this.platform = platform
    this.silent = silent
  }

  /** The socket's arrival, which begins here if this actor does not know the socket. */
  of(connection: Connection): Arrival {
    return this.waiting.get(connection) ?? this.begin(connection)
  }

  /** Whether the socket still waits for CONNACK: false once its peer has left. */
  waits(connection: Connection): boolean {
    return this.waiting.has(connection)
  }

  end(connection: Connection): void {
    this.waiting.get(connection)?.cancelWait()
    this.waiting.delete(connection)
  }

  private begin(connection: Connection): Arrival {
    const arrival: Waiting = {
      stream: new PacketStream(this.platform.settings.packetBytesMax),
      early: null,
      cancelWait: this.platform.after(CONNECT_WAIT_MS, () => {
        if (arrival.early === null) this.silent(connection)
      }),
    }
    this.waiting.set(connection, arrival)
    return arrival
  }
}
