// Cuts a connection's WebSocket frames into packets: a packet may span frames and a frame may hold many. [MQTT-6.0.0-2]
import { malformed, NO_BYTES, protocolError } from './bytes-reader.ts'
import { decodePacket } from './decode.ts'
import { tooLargeConnect } from './decode-connect.ts'
import type { ClientPacket, ProtocolVersion } from './packet.ts'
import { PacketType } from './packet-type.ts'
import { ProtocolViolation, Reason } from './reason.ts'

const KEPT_BYTES_MIN = 64

export class PacketStream {
  /** 0 until a CONNECT was read. */
  version: ProtocolVersion | 0
  readonly maximumPacketSize: number
  readonly #connectBytesMax: number
  #kept: Uint8Array
  #keptBytes: number

  /**
   * @param pending the partial packet of an earlier stream of the same connection
   * @param connectBytesMax of CONNECT, fixed header included: a client that has not proven who it is takes little memory
   */
  constructor(
    maximumPacketSize: number,
    version: ProtocolVersion | 0 = 0,
    pending: Uint8Array = NO_BYTES,
    connectBytesMax = maximumPacketSize,
  ) {
    this.maximumPacketSize = maximumPacketSize
    this.#connectBytesMax = Math.min(connectBytesMax, maximumPacketSize)
    this.version = version
    this.#kept = pending
    this.#keptBytes = pending.length
  }

  /** What the partial packet takes in memory. */
  get keptBytes(): number {
    return this.#kept.length
  }

  /** The partial packet, as a copy without slack: it may be stored or sent as it is. */
  get pending(): Uint8Array {
    return this.#keptBytes === 0 ? NO_BYTES : new Uint8Array(this.#kept.subarray(0, this.#keptBytes))
  }

  /**
   * The packets that this frame completes. They hold views of `frame`, unless they began in an earlier one.
   * Throws a ProtocolViolation at the first bad packet, after those before it; then the stream is of no more use.
   * Lazy: packets that are not iterated are not decoded.
   */
  *read(frame: Uint8Array, now: number): Generator<ClientPacket, void, void> {
    let at = 0
    if (this.#keptBytes > 0) {
      at = this.#complete(frame)
      if (at < 0) return
      const packet = this.#kept
      const size = this.#keptBytes
      this.#kept = NO_BYTES
      this.#keptBytes = 0
      yield this.#decode(packet, 0, size, now)
    }
    while (at < frame.length) {
      const size = this.#packetSize(frame, at, frame.length)
      if (size === 0 || size > frame.length - at) {
        // A copy, so that a few bytes do not keep a large frame alive.
        this.#kept = new Uint8Array(frame.subarray(at))
        this.#keptBytes = this.#kept.length
        return
      }
      yield this.#decode(frame, at, at + size, now)
      at += size
    }
  }

  /** Completes the partial packet. Returns where the next packet starts, or -1 while the partial packet is not whole. */
  #complete(frame: Uint8Array): number {
    let at = 0
    let size = this.#packetSize(this.#kept, 0, this.#keptBytes)
    while (size === 0) {
      if (at === frame.length) return -1
      this.#keep(frame.subarray(at, at + 1), 5)
      at++
      size = this.#packetSize(this.#kept, 0, this.#keptBytes)
    }
    const lacking = size - this.#keptBytes
    if (lacking < 0) throw new Error('more than a partial packet was pending')
    const taken = frame.subarray(at, at + lacking)
    this.#keep(taken, size)
    return taken.length < lacking ? -1 : at + lacking
  }

  /** Doubles the room as bytes arrive, so that a client that announces a large packet must send it before it takes memory. */
  #keep(piece: Uint8Array, packetBytes: number): void {
    const bytes = this.#keptBytes + piece.length
    if (bytes > this.#kept.length) {
      const room = Math.max(bytes, Math.min(packetBytes, Math.max(KEPT_BYTES_MIN, this.#kept.length * 2)))
      const grown = new Uint8Array(room)
      grown.set(this.#kept.subarray(0, this.#keptBytes))
      this.#kept = grown
    }
    this.#kept.set(piece, this.#keptBytes)
    this.#keptBytes = bytes
  }

  /** The bytes of the packet that starts at `at`, fixed header included; 0 while the header is not whole. */
  #packetSize(bytes: Uint8Array, at: number, end: number): number {
    // A peer that does not speak MQTT gets no memory. [MQTT-3.1.0-1]
    if (this.version === 0 && (bytes[at] as number) >> 4 !== PacketType.Connect) {
      throw protocolError('the first packet is not CONNECT')
    }
    let remaining = 0
    for (let i = 1; i <= 4; i++) {
      if (at + i >= end) return 0
      const byte = bytes[at + i] as number
      remaining |= (byte & 0x7f) << (7 * (i - 1))
      if (byte >= 0x80) continue
      // [MQTT-1.5.5-1]; 3.1.1 does not say so.
      if (byte === 0 && i > 1 && this.version === 5)
        throw malformed('Remaining Length is longer than it need be')
      const size = 1 + i + remaining
      if (this.version === 0 && size > this.#connectBytesMax)
        throw tooLargeConnect(size, bytes.subarray(at + 1 + i, end))
      if (size > this.maximumPacketSize) {
        // [MQTT-3.2.2-15]
        throw new ProtocolViolation(Reason.PacketTooLarge, `a packet of ${size} bytes`)
      }
      return size
    }
    throw malformed('Remaining Length has more than four bytes')
  }

  #decode(bytes: Uint8Array, start: number, end: number, now: number): ClientPacket {
    let body = start + 1
    while ((bytes[body++] as number) >= 0x80);
    const packet = decodePacket(this.version, bytes[start] as number, bytes.subarray(body, end), now)
    if (packet.type === 'connect') this.version = packet.protocolVersion
    return packet
  }
}
