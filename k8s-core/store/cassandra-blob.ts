// Between bytes and the Cassandra driver's Buffers, which no other part of the core sees.

/** A view. */
export function blobOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** A view of the driver's Buffer. */
export function bytesOf(blob: unknown): Uint8Array {
  const { buffer, byteOffset, length } = blob as Buffer
  return new Uint8Array(buffer, byteOffset, length)
}
