// Frames: a JSON head and the bytes behind it, as version 2 carries them.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeFrame,
  encodeFrame,
  FRAME_DEPTH_MAX,
  FRAME_PARTS_MAX,
  FrameError,
  referringText,
} from '../../src/relay/frame.ts'

const RUNS = { numRuns: 500 }

const keys = fc.string({ maxLength: 6 }).filter((key) => key !== '$part')
const { body: bodies } = fc.letrec((tie) => ({
  body: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 'text', 'ü', '', 0, -1.5, 2 ** 40),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('body'), { maxLength: 4 }),
    fc.dictionary(keys, tie('body'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

function frameOf(body: unknown): Uint8Array {
  return encodeFrame(referringText(body))
}

/** A frame of this head, whatever it is. */
function framed(head: string, ...parts: Uint8Array[]): Uint8Array {
  const text = new TextEncoder().encode(head)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, text.length)
  return Uint8Array.from([length, text, ...parts].flatMap((piece) => [...piece]))
}

test('give the body back, bytes and all, wherever the frame lies in its buffer', () => {
  fc.assert(
    fc.property(bodies, fc.boolean(), fc.nat(5), (body, views, before) => {
      const frame = frameOf(body)
      const room = new Uint8Array(before + frame.length + 3).fill(0xff)
      room.set(frame, before)
      expect(decodeFrame(room.subarray(before, before + frame.length), views)).toEqual(body)
    }),
    RUNS,
  )
})

test('give views of the frame, or bytes of their own', () => {
  const frame = frameOf({ records: Uint8Array.of(1, 2, 3) })
  const [view, copy] = [true, false].map((views) => decodeFrame(frame, views) as { records: Uint8Array })
  expect(view?.records.buffer).toBe(frame.buffer)
  expect(copy?.records.buffer.byteLength).toBe(3)
})

test('take a Buffer for the bytes that it is', () => {
  expect(decodeFrame(frameOf([Buffer.from('on')]), true)).toEqual([Uint8Array.of(0x6f, 0x6e)])
})

test('that are cut off anywhere, or have a byte too many, are refused', () => {
  fc.assert(
    fc.property(bodies, (body) => {
      const frame = frameOf(body)
      for (let size = 0; size < frame.length; size++)
        expect(() => decodeFrame(frame.subarray(0, size), true)).toThrow(FrameError)
      expect(() => decodeFrame(Uint8Array.from([...frame, 0]), true)).toThrow(FrameError)
    }),
    { numRuns: 100 },
  )
})

test('of garbage, and with any byte changed, are refused or read, but fail in no other way', () => {
  const read = (bytes: Uint8Array) => {
    try {
      decodeFrame(bytes, true)
    } catch (cause) {
      expect(cause).toBeInstanceOf(FrameError)
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), read), RUNS)
  fc.assert(
    fc.property(bodies, fc.nat(), fc.nat(255), (body, at, value) => {
      const frame = frameOf(body)
      frame[at % frame.length] = value
      read(frame)
    }),
    RUNS,
  )
  fc.assert(
    fc.property(fc.json(), (json) => read(framed(json))),
    RUNS,
  )
})

describe('a head', () => {
  test('that says that it is longer than the frame is refused before anything is allocated', () => {
    const frame = new Uint8Array(8)
    new DataView(frame.buffer).setUint32(0, 0xffff_ffff)
    expect(() => decodeFrame(frame, false)).toThrow('ends inside its head')
  })

  test.each([
    ['the sum is more than the frame has', '{"parts":[4294967295],"body":{"$part":0}}'],
    ['a length is negative', '{"parts":[-1,1],"body":[{"$part":0},{"$part":1}]}'],
    ['a length is no whole number', '{"parts":[0.5,-0.5],"body":null}'],
    ['a length is beyond what is exact', '{"parts":[9007199254740993],"body":{"$part":0}}'],
  ])('is refused where %s', (_, head) => {
    expect(() => decodeFrame(framed(head), false)).toThrow(FrameError)
  })

  test.each([
    '',
    '[]',
    'null',
    '{"body":1}',
    '{"parts":{},"body":1}',
    '{"parts":["0"],"body":1}',
    '{',
    '\u{feff}{}',
  ])('of %j is refused', (head) => {
    expect(() => decodeFrame(framed(head), true)).toThrow(FrameError)
  })

  test('of bytes that are no UTF-8 is refused', () => {
    expect(() => decodeFrame(Uint8Array.of(0, 0, 0, 2, 0xc3, 0x28), true)).toThrow('not JSON')
  })

  test('with more parts than a frame may have is refused', () => {
    const parts = (count: number) => `{"parts":[${Array(count).fill(0)}],"body":null}`
    expect(() => decodeFrame(framed(parts(FRAME_PARTS_MAX + 1)), true)).toThrow('lacks `parts` or')
  })

  test('that is nested without end is refused', () => {
    const nested = (depth: number) => framed(`{"parts":[],"body":${'['.repeat(depth)}${']'.repeat(depth)}}`)
    expect(() => decodeFrame(nested(FRAME_DEPTH_MAX), true)).not.toThrow()
    for (const depth of [FRAME_DEPTH_MAX + 2, 100_000])
      expect(() => decodeFrame(nested(depth), true)).toThrow(FrameError)
  })
})

describe('a part', () => {
  const one = Uint8Array.of(7)

  test.each([
    ['is not there', '{"parts":[1],"body":{"$part":1}}'],
    ['has a name that is no number', '{"parts":[1],"body":{"$part":"0"}}'],
    ['has a name that is no index', '{"parts":[1],"body":{"$part":0.5}}'],
    ['has the name of a method', '{"parts":[1],"body":{"$part":"length"}}'],
    ['has two places', '{"parts":[1],"body":[{"$part":0},{"$part":0}]}'],
    ['has no place', '{"parts":[1],"body":{}}'],
  ])('that %s is refused', (_, head) => {
    expect(() => decodeFrame(framed(head, one), true)).toThrow(FrameError)
  })

  test('may be empty', () => {
    expect(decodeFrame(framed('{"parts":[0,1],"body":[{"$part":1},{"$part":0}]}', one), true)).toEqual([
      one,
      new Uint8Array(0),
    ])
  })
})
