// How a connection ends on the WebSocket's side.
import { Reason, type ReasonCode } from '../src/mqtt/reason.ts'

/** WebSocket close codes. */
export const CLOSE_NORMAL = 1000
export const CLOSE_PROTOCOL = 1002
export const CLOSE_POLICY = 1008
export const CLOSE_INTERNAL = 1011

export function closeCode(reason: ReasonCode | null): number {
  if (reason === null) return CLOSE_NORMAL
  return reason === Reason.MalformedPacket || reason === Reason.ProtocolError ? CLOSE_PROTOCOL : CLOSE_POLICY
}

export function hex(reason: number): string {
  return `0x${reason.toString(16).padStart(2, '0')}`
}
