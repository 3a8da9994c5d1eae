// What became of each message of a pair.

const FIRST_CAPACITY = 4096

/** Numbers run from 1, without a gap. */
export class PairAccount {
  sent = 0
  /** PUBACKs to the publisher. */
  acknowledged = 0
  /** Different messages that came. */
  received = 0
  highest = 0
  duplicates = 0
  /** Messages that came for the first time, after one that was sent later. */
  reordered = 0
  #seen = new Uint8Array(FIRST_CAPACITY)

  get lost(): number {
    return this.sent - this.received
  }

  receive(sequence: number): void {
    if (sequence >= this.#seen.length) {
      const grown = new Uint8Array(Math.max(sequence + 1, this.#seen.length * 2))
      grown.set(this.#seen)
      this.#seen = grown
    }
    if (this.#seen[sequence] === 1) {
      this.duplicates++
      return
    }
    this.#seen[sequence] = 1
    this.received++
    if (sequence < this.highest) this.reordered++
    else this.highest = sequence
  }
}
