// How a connection ends on the WebSocket's side.
import { Reason, type ReasonCode } from '../src/mqtt/reason.ts'

/** WebSocket close codes. */
export const CLOSE_NORMAL = 1000
export const CLOSE_PROTOCOL = 1002
export const CLOSE_POLICY = 1008
export const CLOSE_INTERNAL = 1011

/** CONNACK return code 1 of 3.1.1: any client that speaks another version understands it. [MQTT-3.1.2-2] [MQTT-3.1.2-2, 3.1.1] */
export const UNACCEPTABLE_VERSION = Uint8Array.of(0x20, 2, 0, 1)

export function closeCode(reason: ReasonCode | null): number {
  if (reason === null) return CLOSE_NORMAL
  return reason === Reason.MalformedPacket || reason === Reason.ProtocolError ? CLOSE_PROTOCOL : CLOSE_POLICY
}

export function hex(reason: number): string {
  return `0x${reason.toString(16).padStart(2, '0')}`
}
