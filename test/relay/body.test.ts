// Bodies of both versions: the same values, written as JSON with base64, or as frames.
import { describe, expect, test } from 'vitest'
import { BodyError, decodeBody, encodeBody } from '../../src/relay/body.ts'
import { FRAME_TYPE } from '../../src/relay/frame.ts'
import { RELAY_VERSIONS, type RelayVersion } from '../../src/relay/version.ts'
import { SAMPLES } from './samples.ts'
import { relaySchemas } from './schemas.ts'

const schemas = await relaySchemas()
const samples = Object.entries(SAMPLES).map(([name, { valid }]) => ({ name, valid }))

function through(version: RelayVersion, body: unknown): { readonly type: string; readonly body: unknown } {
  const { type, content } = encodeBody(version, body)
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return { type, body: decodeBody(type, bytes, { views: false }) }
}

/** With base64 in the place of bytes. */
function asText(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(asText)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, asText(one)]))
}

describe.each(RELAY_VERSIONS)('in version %i', (version) => {
  test.each(samples)('$name crosses as it is', ({ name, valid }) => {
    expect(schemas.get(name)?.parse(through(version, valid).body)).toEqual(valid)
  })
})

test.each(samples)('version 1 writes $name to the letter as it always did', ({ valid }) => {
  expect(encodeBody(1, valid)).toEqual({ type: 'application/json', content: JSON.stringify(asText(valid)) })
})

test('version 2 writes a frame where there are bytes, and JSON where there are none', () => {
  expect(through(2, { records: Uint8Array.of(1) }).type).toBe(FRAME_TYPE)
  expect(encodeBody(2, { outcomes: [0] })).toEqual({ type: 'application/json', content: '{"outcomes":[0]}' })
})

test('what is read goes by the content type, whatever its parameters', () => {
  const { content } = encodeBody(2, [Uint8Array.of(1)])
  for (const type of [FRAME_TYPE, FRAME_TYPE.toUpperCase(), `${FRAME_TYPE}; a=b`])
    expect(decodeBody(type, content as Uint8Array, { views: true })).toEqual([Uint8Array.of(1)])
  for (const type of [null, '', 'application/json', 'text/plain'])
    expect(decodeBody(type, new TextEncoder().encode('[1]'), { views: true })).toEqual([1])
})

test.each([
  [FRAME_TYPE, '{}'],
  [FRAME_TYPE, ''],
  ['application/json', ''],
  ['application/json', '{'],
  [null, 'ü'],
])('a body of type %j that is %j is refused', (type, text) => {
  expect(() => decodeBody(type, new TextEncoder().encode(text), { views: true })).toThrow(BodyError)
})
