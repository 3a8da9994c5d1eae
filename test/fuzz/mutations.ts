// Random damage to bytes that were right: flipped bits, wrong lengths, cut off, doubled, inserted.
import fc from 'fast-check'
import { joined } from './frames.ts'

export interface Mutation {
  readonly do: 'flip' | 'set' | 'cut' | 'double' | 'insert' | 'lengthen'
  /** Where, as a share of the whole in thousandths. */
  readonly at: number
  readonly value: number
}

export const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    do: fc.constantFrom<Mutation['do']>('flip', 'flip', 'set', 'cut', 'double', 'insert', 'lengthen'),
    at: fc.nat(999),
    value: fc.nat(0xff),
  }),
  { minLength: 1, maxLength: 4 },
)

export function mutated(bytes: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  let now = Uint8Array.from(bytes)
  for (const { do: kind, at, value } of changes) {
    const i = Math.floor((at / 1000) * now.length)
    const old = now[i] ?? 0
    switch (kind) {
      case 'flip':
        now[i] = old ^ (1 << (value & 7))
        break
      case 'set':
        now[i] = value
        break
      case 'cut':
        now = now.slice(0, i)
        break
      case 'double':
        now = joined([now.subarray(0, i + value), now.subarray(i)])
        break
      case 'insert':
        now = joined([now.subarray(0, i), new Uint8Array([value]), now.subarray(i)])
        break
      case 'lengthen':
        // The first packet's Remaining Length, and most of the lengths near it, are among the first bytes.
        now[Math.min(i % 8, now.length)] = value
        break
      default:
        kind satisfies never
    }
  }
  return now
}
