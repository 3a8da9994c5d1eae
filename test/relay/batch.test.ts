// Batches, routed records and base64: what crosses between actors and regions comes back as it went.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ClientId, RegionId } from '../../src/id/ids.ts'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { base64Schema } from '../../src/relay/names.ts'
import { decodeRouted, encodeRouted } from '../../src/relay/routed.ts'

const RUNS = { seed: 1883, numRuns: 500 }
const records = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 })

/** The same bytes in the middle of a larger buffer. */
function within(bytes: Uint8Array): Uint8Array {
  const room = new Uint8Array(bytes.length + 9).fill(0xff)
  room.set(bytes, 5)
  return room.subarray(5, 5 + bytes.length)
}

describe('a batch', () => {
  test('gives its records back as views, empty ones too, out of a larger buffer too', () => {
    fc.assert(
      fc.property(records, (given) => {
        const batch = within(packBatch(given))
        const back = unpackBatch(batch)
        expect(back.map((one) => [...one])).toEqual(given.map((one) => [...one]))
        for (const one of back) expect(one.buffer).toBe(batch.buffer)
      }),
      RUNS,
    )
  })

  test('of nothing has no bytes', () => {
    expect(packBatch([])).toHaveLength(0)
    expect(unpackBatch(new Uint8Array(0))).toEqual([])
  })

  test('that is cut anywhere but between records throws', () => {
    const batch = packBatch([new Uint8Array(3), new Uint8Array(0), new Uint8Array(2)])
    const whole = [0, 7, 11, batch.length]
    for (let size = 0; size <= batch.length; size++) {
      const cut = batch.subarray(0, size)
      if (whole.includes(size)) expect(packBatch(unpackBatch(cut))).toEqual(cut)
      else expect(() => unpackBatch(cut)).toThrow(/^a batch ends inside a (length|record)$/)
    }
  })

  test('of garbage either throws, or is what packing makes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (garbage) => {
        let back: Uint8Array[]
        try {
          back = unpackBatch(garbage)
        } catch (error) {
          expect((error as Error).message).toMatch(/^a batch ends inside/)
          return
        }
        expect(packBatch(back)).toEqual(garbage)
      }),
      RUNS,
    )
  })

  test('that claims four gigabytes throws and takes no memory', () => {
    expect(() => unpackBatch(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1))).toThrow('inside a record')
  })
})

describe('a routed record', () => {
  test('gives back its publisher and a view of its record', () => {
    const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 16 })
    fc.assert(
      fc.property(names, fc.uint8Array({ maxLength: 60 }), (name, record) => {
        const bytes = within(encodeRouted(name as ClientId, record))
        const back = decodeRouted(bytes)
        expect(back.publisher).toBe(name)
        expect([...back.record]).toEqual([...record])
        expect(back.record.buffer).toBe(bytes.buffer)
      }),
      RUNS,
    )
  })

  test('holds the longest client id', () => {
    const name = 'é'.repeat(64) as ClientId
    expect(decodeRouted(encodeRouted(name, Uint8Array.of(1)))).toEqual({
      publisher: name,
      turn: null,
      record: Uint8Array.of(1),
    })
  })

  test('keeps a publisher whose id begins with a byte order mark apart from the one without', () => {
    const name = '\ufefflamp' as ClientId
    expect(decodeRouted(encodeRouted(name, new Uint8Array(0))).publisher).toBe(name)
  })

  test('gives back whose turn it is', () => {
    const turn = { share: '$share/g/räume/1/#', mode: 'keep', without: ['eu' as RegionId] } as const
    const bytes = within(encodeRouted('lamp' as ClientId, Uint8Array.of(1, 2), turn))
    expect(decodeRouted(bytes)).toEqual({ publisher: 'lamp', turn, record: Uint8Array.of(1, 2) })
    for (let size = 1; size < bytes.length - 'lamp'.length - 2; size++) {
      expect(() => decodeRouted(bytes.subarray(0, size))).toThrow()
    }
  })

  test('that ends inside its publisher throws', () => {
    const bytes = encodeRouted('lamp' as ClientId, new Uint8Array(0))
    for (let size = 0; size < bytes.length; size++) {
      expect(() => decodeRouted(bytes.subarray(0, size))).toThrow('ends inside its publisher')
    }
  })
})

describe('base64', () => {
  test('gives the bytes back, and is what Node and the schema take for base64', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = bytesToBase64(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64'))
        expect(base64Schema.parse(text)).toBe(text)
        expect(base64ToBytes(text)).toEqual(bytes)
      }),
      RUNS,
    )
  })

  test('takes more bytes than fit an argument list', () => {
    const bytes = new Uint8Array(300_001).map((_, i) => i * 7)
    expect(base64ToBytes(bytesToBase64(bytes))).toEqual(bytes)
  })

  test.each(['A', 'AAA=A', 'AA*A', 'ää==', '{"a":1}', 'AA-_'])(
    '%j is refused by the schema and throws',
    (text) => {
      expect(base64Schema.safeParse(text).success).toBe(false)
      expect(() => base64ToBytes(text)).toThrow()
    },
  )

  test('what the schema lets in can be read', () => {
    const texts = fc.oneof(fc.string({ maxLength: 12 }), fc.base64String({ maxLength: 12 }))
    fc.assert(
      fc.property(texts, (text) => {
        if (base64Schema.safeParse(text).success) {
          expect(bytesToBase64(base64ToBytes(text)).length).toBe(text.length)
        }
      }),
      RUNS,
    )
  })
})
