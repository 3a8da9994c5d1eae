// Bytes as the Cassandra driver takes and gives them: Buffers, which no other part of the core should meet.

/** A view. */
export function blobOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** A view of what the driver has read. */
export function bytesOf(blob: unknown): Uint8Array {
  const { buffer, byteOffset, length } = blob as Buffer
  return new Uint8Array(buffer, byteOffset, length)
}
