// What crosses between actors is copied, as a structured clone would: bytes, arrays, plain objects.
import { BODY_BYTES_MAX, decodeBody, encodeBody } from '../../src/relay/body.ts'
import type { RelayVersion } from '../../src/relay/version.ts'

export function copy<T>(value: T): T {
  return copyOf(value) as T
}

function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function') throw new Error('a function cannot cross')
    return value
  }
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return value.map(copyOf)
  const made: Record<string, unknown> = {}
  for (const name of Object.keys(value)) made[name] = copyOf((value as Record<string, unknown>)[name])
  return made
}

/** As a body of the contract in this version. */
export function throughHttp(version: RelayVersion, value: unknown): unknown {
  if (value === undefined) return null
  const { type, content } = encodeBody(version, value)
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  if (bytes.length > BODY_BYTES_MAX) throw new Error(`a body of ${bytes.length} bytes`)
  return decodeBody(type, bytes, { views: false })
}
