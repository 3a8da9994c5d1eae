// What crosses between actors is copied, as a structured clone would: bytes, arrays, plain objects.

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

/** As a body of HTTP. */
export function throughJson(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value))
}
