// Reads MQTT's data types off a packet's body. Whatever runs past the end makes the packet malformed.
import { ProtocolViolation, Reason } from './reason.ts'
import { decodeUtf8 } from './utf8.ts'

export const NO_BYTES: Uint8Array = new Uint8Array(0)

/** The packet cannot be parsed by the specification. */
export function malformed(message: string): ProtocolViolation {
  return new ProtocolViolation(Reason.MalformedPacket, message)
}

/** The packet can be parsed, but says what the protocol does not allow. */
export function protocolError(message: string): ProtocolViolation {
  return new ProtocolViolation(Reason.ProtocolError, message)
}

export class BytesReader {
  readonly bytes: Uint8Array
  at: number
  /** Where reading must stop; lowered while a block of known length is read. */
  end: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.at = 0
    this.end = bytes.length
  }

  u8(): number {
    if (this.at >= this.end) throw malformed('the packet ends too early')
    return this.bytes[this.at++] as number
  }

  u16(): number {
    const at = this.#take(2)
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number)
  }

  u32(): number {
    const high = this.u16()
    return high * 0x10000 + this.u16()
  }

  /** One to four bytes, the fewest that hold the value. [MQTT-1.5.5-1] */
  varint(): number {
    let value = 0
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      if (byte === 0 && shift > 0) throw malformed('a variable byte integer is longer than it need be')
      return value
    }
    throw malformed('a variable byte integer has more than four bytes')
  }

  string(): string {
    const length = this.u16()
    const at = this.#take(length)
    const text = decodeUtf8(this.bytes, at, at + length)
    if (text === null) throw malformed('a string is not UTF-8 as MQTT wants it')
    return text
  }

  /** A view of binary data with a length in front. */
  binary(): Uint8Array {
    const length = this.u16()
    const at = this.#take(length)
    return this.view(at, at + length)
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    const at = this.at
    this.at = this.end
    return this.view(at, this.end)
  }

  view(start: number, end: number): Uint8Array {
    return start === end ? NO_BYTES : this.bytes.subarray(start, end)
  }

  /** Reads the length of a block and says where it ends. */
  blockEnd(): number {
    const length = this.varint()
    if (length > this.end - this.at) throw malformed('properties run past the end of the packet')
    return this.at + length
  }

  finish(): void {
    if (this.at !== this.end) throw malformed('bytes follow the end of the packet')
  }

  #take(length: number): number {
    const at = this.at
    if (length > this.end - at) throw malformed('the packet ends too early')
    this.at = at + length
    return at
  }
}
