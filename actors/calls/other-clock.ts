// Clocks of two regions may differ by minutes. Times that come from another region are converted to this region's clock.
import { moveExpiry } from '../../src/mqtt/message.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { HandoverState, ImportedResponse } from '../../src/relay/home.ts'
import { recordIn } from '../../src/session/delivery.ts'

/** The state from a former home, by this region's clock. */
export function stateByOurClock(state: HandoverState, now: number): HandoverState {
  const aheadMs = now - state.clock
  const { session } = state
  return {
    ...state,
    clock: now,
    session: session && {
      ...session,
      // 0: the client is connected.
      disconnectedAt: session.disconnectedAt === 0 ? 0 : session.disconnectedAt + aheadMs,
      queue: session.queue.map((row) => ({ ...row, delivery: moved(row.delivery, recordIn, aheadMs) })),
    },
    retained: state.retained.map((one) => ({ ...one, record: moved(one.record, itself, aheadMs) })),
    ...(state.keptAt !== undefined && { keptAt: state.keptAt + aheadMs }),
    ...(state.commands !== undefined && {
      commands: state.commands.map((one) => ({
        ...one,
        acceptedAt: one.acceptedAt + aheadMs,
        expiresAt: one.expiresAt + aheadMs,
        answer: one.answer && { ...one.answer, at: one.answer.at + aheadMs },
      })),
    }),
  }
}

/** The remainder of a former home, by this region's clock. */
export function remainderByOurClock(remainder: ImportedResponse, now: number): ImportedResponse {
  const aheadMs = now - remainder.clock
  const batch = remainder.late.slice()
  for (const delivery of unpackBatch(batch)) moveExpiry(recordIn(delivery), aheadMs)
  return {
    ...remainder,
    clock: now,
    late: batch,
    retained: remainder.retained.map((one) => ({
      ...one,
      record: one.record === null ? null : moved(one.record, itself, aheadMs),
    })),
  }
}

/** A message record from another region, by this region's clock. Changes the record. */
export function recordByOurClock(record: Uint8Array, clock: number, now: number): Uint8Array {
  moveExpiry(record, now - clock)
  return record
}

/**
 * A copy if the expiry changes: the answer of the other region may be read twice.
 * @param recordOf finds the message's record in the bytes
 */
function moved(bytes: Uint8Array, recordOf: (bytes: Uint8Array) => Uint8Array, byMs: number): Uint8Array {
  const copy = bytes.slice()
  return moveExpiry(recordOf(copy), byMs) ? copy : bytes
}

function itself(record: Uint8Array): Uint8Array {
  return record
}
