// Sockets without an answered CONNECT: how many an actor holds, how long one may stay silent, and the frames that come before
// CONNACK. Whoever knows a client id can open such sockets, so they must not keep the client itself out.
import { NO_BYTES } from '../../../src/mqtt/bytes-reader.ts'
import { PacketStream } from '../../../src/mqtt/packet-stream.ts'
import {
  ARRIVAL_BYTES_MAX,
  ARRIVALS_BYTES_MAX,
  ARRIVALS_MAX,
  CONNECT_WAIT_MS,
  EARLY_FRAME_BYTES_MAX,
} from '../../limits.ts'
import type { Connection, Platform } from '../../platform.ts'

/** `proven`: a token of this client was checked. Its socket is not given up for sockets of whoever else knows the client id. */
type Proof = 'none' | 'proven'

export interface Arrival {
  readonly stream: PacketStream
}

interface Waiting {
  readonly stream: PacketStream
  readonly cancelWait: () => void
  proof: Proof
  /** Frames that came while CONNECT is being answered. Null before CONNECT is complete. */
  early: Uint8Array[] | null
  earlyBytes: number
}

/** Why an actor closes a socket before CONNACK. */
export type Parting = 'silent' | 'crowded' | 'too-much'

export class Arrivals {
  private readonly platform: Platform
  private readonly part: (connection: Connection, why: Parting) => void
  /** The oldest first. */
  private readonly waiting = new Map<Connection, Waiting>()

  /** @param part closes a socket, which has ended here already */
  constructor(platform: Platform, part: (connection: Connection, why: Parting) => void) {
    this.platform = platform
    this.part = part
  }

  /** The socket's arrival, which begins here if this actor does not know the socket. */
  of(connection: Connection, proof: Proof): Arrival {
    return this.waiting.get(connection) ?? this.begin(connection, proof)
  }

  /** Whether the socket still waits for CONNACK: false once its peer has left. */
  waits(connection: Connection): boolean {
    return this.waiting.has(connection)
  }

  /** Whether the socket's CONNECT is being answered: until `letIn` its frames are held. */
  holds(connection: Connection): boolean {
    return this.waiting.get(connection)?.early != null
  }

  /** A part of CONNECT has come. */
  partial(): void {
    this.makeRoom()
  }

  /** CONNECT is complete. @param frame the one that completed it: what follows CONNECT in it waits too */
  connecting(connection: Connection, frame: Uint8Array): void {
    const arrival = this.waiting.get(connection)
    if (arrival === undefined) return
    arrival.early = []
    arrival.earlyBytes = frame.length
    this.makeRoom()
  }

  /** The token of CONNECT is right. */
  proven(connection: Connection): void {
    const arrival = this.waiting.get(connection)
    if (arrival === undefined) return
    arrival.proof = 'proven'
    this.crowd('proven', connection)
  }

  /** A frame that came while CONNECT is being answered. */
  hold(connection: Connection, frame: Uint8Array): void {
    const arrival = this.waiting.get(connection)
    if (arrival?.early == null) return
    arrival.early.push(frame)
    arrival.earlyBytes += frame.length
    this.makeRoom()
  }

  /** Ends the arrival of a client that is let in. @returns the frames that it has sent meanwhile */
  letIn(connection: Connection): readonly Uint8Array[] {
    const early = this.waiting.get(connection)?.early ?? []
    this.end(connection)
    return early
  }

  end(connection: Connection): void {
    this.waiting.get(connection)?.cancelWait()
    this.waiting.delete(connection)
  }

  private begin(connection: Connection, proof: Proof): Arrival {
    const { packetBytesMax } = this.platform.settings
    const connectBytesMax = proof === 'proven' ? packetBytesMax : ARRIVAL_BYTES_MAX
    const arrival: Waiting = {
      stream: new PacketStream(packetBytesMax, 0, NO_BYTES, connectBytesMax),
      proof,
      early: null,
      earlyBytes: 0,
      cancelWait: this.platform.after(CONNECT_WAIT_MS, () => {
        if (arrival.early === null) this.close(connection, 'silent')
      }),
    }
    this.waiting.set(connection, arrival)
    this.crowd(proof, connection)
    return arrival
  }

  /** Of too many sockets with the same proof the oldest goes, but not the newcomer. */
  private crowd(proof: Proof, newcomer: Connection): void {
    const alike = [...this.waiting].filter(([, one]) => one.proof === proof)
    const [oldest] = alike.find(([connection]) => connection !== newcomer) ?? []
    if (alike.length > ARRIVALS_MAX && oldest !== undefined) this.close(oldest, 'crowded')
  }

  /** All sockets share one room. The socket that takes most of it goes, so that a large one cannot evict small ones. */
  private makeRoom(): void {
    const ofEarly = ({ earlyBytes }: Waiting) => earlyBytes
    const ofAll = ({ earlyBytes, stream }: Waiting) => earlyBytes + stream.keptBytes
    while (this.sum(ofEarly) > EARLY_FRAME_BYTES_MAX) this.closeLargest(ofEarly)
    while (this.sum(ofAll) > ARRIVALS_BYTES_MAX) this.closeLargest(ofAll)
  }

  private sum(bytesOf: (one: Waiting) => number): number {
    return [...this.waiting.values()].reduce((sum, one) => sum + bytesOf(one), 0)
  }

  private closeLargest(bytesOf: (one: Waiting) => number): void {
    const [largest] = [...this.waiting].sort(([, a], [, b]) => bytesOf(b) - bytesOf(a))
    if (largest !== undefined) this.close(largest[0], 'too-much')
  }

  private close(connection: Connection, why: Parting): void {
    this.end(connection)
    this.part(connection, why)
  }
}
