// Writes MQTT's data types into a buffer whose size was counted before, so that a packet is one allocation.
import { STRING_BYTES_MAX } from './limits.ts'
import { utf8Bytes, writeUtf8 } from './utf8.ts'

export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4
}

/** A string with its length in front. */
export function stringBytes(text: string): number {
  return 2 + utf8Bytes(text)
}

export class BytesWriter {
  readonly bytes: Uint8Array
  at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  u8(value: number): void {
    this.bytes[this.at++] = value
  }

  u16(value: number): void {
    this.bytes[this.at] = value >> 8
    this.bytes[this.at + 1] = value
    this.at += 2
  }

  u32(value: number): void {
    this.u16(value >>> 16)
    this.u16(value & 0xffff)
  }

  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.u8(rest)
  }

  string(text: string): void {
    const length = utf8Bytes(text)
    if (length > STRING_BYTES_MAX) throw new RangeError(`a string of ${length} bytes does not fit`)
    this.u16(length)
    writeUtf8(text, length, this.bytes, this.at)
    this.at += length
  }

  binary(value: Uint8Array): void {
    if (value.length > STRING_BYTES_MAX)
      throw new RangeError(`binary data of ${value.length} bytes does not fit`)
    this.u16(value.length)
    this.raw(value)
  }

  raw(value: Uint8Array): void {
    if (value.length === 0) return
    this.bytes.set(value, this.at)
    this.at += value.length
  }

  /** The buffer. A size that was counted wrongly is a bug and must not reach a client. */
  finish(): Uint8Array {
    if (this.at !== this.bytes.length)
      throw new Error(`counted ${this.bytes.length} bytes and wrote ${this.at}`)
    return this.bytes
  }
}
