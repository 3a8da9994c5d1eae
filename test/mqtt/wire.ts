// Shared by the codec's tests: packets written as hex with quoted text, and the way from bytes to packets.
import type { ClientPacket, ProtocolVersion } from '../../src/mqtt/packet.ts'
import { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { ProtocolViolation, Reason } from '../../src/mqtt/reason.ts'

/** `10 02 'MQTT'` becomes bytes; spaces do not count outside quotes. */
export function wire(text: string): Uint8Array {
  const bytes: number[] = []
  for (const [part, quoted] of text.matchAll(/'([^']*)'|[0-9a-f]{2}/g)) {
    if (quoted === undefined) bytes.push(Number.parseInt(part, 16))
    else bytes.push(...new TextEncoder().encode(quoted))
  }
  return new Uint8Array(bytes)
}

/** A packet of a first byte and a body, with the Remaining Length that the body has. */
export function framed(header: number, body: string): Uint8Array {
  const bytes = wire(body)
  const length: number[] = []
  let rest = bytes.length
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return new Uint8Array([header, ...length, ...bytes])
}

export function decodeAll(version: ProtocolVersion | 0, bytes: Uint8Array, now = 0): ClientPacket[] {
  return [...new PacketStream(1024 * 1024, version).read(bytes, now)]
}

export function decodeOne(version: ProtocolVersion | 0, bytes: Uint8Array, now = 0): ClientPacket {
  const packets = decodeAll(version, bytes, now)
  if (packets.length !== 1 || packets[0] === undefined) throw new Error(`${packets.length} packets`)
  return packets[0]
}

/** The name of the reason code that reading is refused with, or null. */
export function refusal(read: () => unknown): string | null {
  try {
    read()
    return null
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error
    return Object.entries(Reason).find(([, code]) => code === error.reason)?.[0] ?? 'unknown'
  }
}
