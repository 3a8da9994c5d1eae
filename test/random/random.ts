// A seeded source of randomness: the same seed gives the same numbers on every machine.

export class Random {
  private a: number
  private b: number
  private c: number
  private d: number

  constructor(seed: number) {
    this.a = seed >>> 0
    this.b = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
    this.c = Math.imul(seed ^ 0xc2b2ae35, 0x27d4eb2f) >>> 0
    this.d = 1
    for (let i = 0; i < 16; i++) this.next()
  }

  /** 0 to 1, without 1 (sfc32). */
  next(): number {
    const t = (((this.a + this.b) >>> 0) + this.d) >>> 0
    this.d = (this.d + 1) >>> 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) >>> 0
    this.c = ((this.c << 21) | (this.c >>> 11)) >>> 0
    this.c = (this.c + t) >>> 0
    return t / 0x1_0000_0000
  }

  /** Another source, which takes nothing from this one. */
  apart(): Random {
    return new Random(this.a ^ this.b)
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  /** A whole number below `below`. */
  int(below: number): number {
    return Math.floor(this.next() * below)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(from: readonly T[]): T {
    const one = from[this.int(from.length)]
    if (one === undefined) throw new Error('nothing to pick from')
    return one
  }

  /** One of the names, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const names = Object.keys(weights) as K[]
    let at = this.next() * names.reduce((sum, name) => sum + weights[name], 0)
    for (const name of names) {
      at -= weights[name]
      if (at < 0) return name
    }
    return names[names.length - 1] as K
  }
}
