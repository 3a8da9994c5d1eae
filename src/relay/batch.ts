// Packs several records into one Uint8Array: each after its length. Between actors one array per call is cheapest.
import { Pieces } from './pieces.ts'

/** @returns [u32 length, record]* */
export function packBatch(records: readonly (Uint8Array | Pieces)[]): Uint8Array {
  let size = 0
  for (const record of records) size += 4 + record.length
  const batch = new Uint8Array(size)
  const view = new DataView(batch.buffer)
  let at = 0
  for (const record of records) {
    view.setUint32(at, record.length)
    if (record instanceof Pieces) record.writeTo(batch, at + 4)
    else batch.set(record, at + 4)
    at += 4 + record.length
  }
  return batch
}

/** The bytes of `packBatch` in pieces. They are copied once, into the body of the call. */
export function batchPieces(records: readonly Uint8Array[]): Pieces {
  const lengths = new Uint8Array(4 * records.length)
  const view = new DataView(lengths.buffer)
  return new Pieces(
    records.flatMap((record, i) => {
      view.setUint32(4 * i, record.length)
      return [lengths.subarray(4 * i, 4 * i + 4), record]
    }),
  )
}

/** Views of the batch, no copies. Throws if the bytes are not a batch. */
export function unpackBatch(batch: Uint8Array): Uint8Array[] {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  const records: Uint8Array[] = []
  let at = 0
  while (at < batch.length) {
    if (at + 4 > batch.length) throw new Error('a batch ends inside a length')
    const length = view.getUint32(at)
    at += 4
    if (at + length > batch.length) throw new Error('a batch ends inside a record')
    records.push(batch.subarray(at, at + length))
    at += length
  }
  return records
}
