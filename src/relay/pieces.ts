// Bytes of a body in several pieces. They are joined only when the body is written.

export class Pieces {
  readonly pieces: readonly Uint8Array[]
  /** Bytes. */
  readonly length: number

  constructor(pieces: readonly Uint8Array[]) {
    this.pieces = pieces
    this.length = pieces.reduce((sum, { length }) => sum + length, 0)
  }

  /** @returns where the bytes end */
  writeTo(target: Uint8Array, at: number): number {
    let end = at
    for (const piece of this.pieces) {
      target.set(piece, end)
      end += piece.length
    }
    return end
  }

  /** A copy in one piece. */
  joined(): Uint8Array {
    const bytes = new Uint8Array(this.length)
    this.writeTo(bytes, 0)
    return bytes
  }
}

/** In one piece: a copy only of what is not. */
export function inOnePiece(bytes: Uint8Array | Pieces): Uint8Array {
  return bytes instanceof Pieces ? bytes.joined() : bytes
}
