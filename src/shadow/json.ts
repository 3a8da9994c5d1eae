// JSON operations of shadows: the merge of RFC 7386, the difference of two states, and a time for each leaf value.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}
/** When each leaf value was last written, in seconds since the epoch; arrays element by element. */
export type Times = { readonly timestamp: number } | readonly Times[] | TimesObject
export interface TimesObject {
  readonly [key: string]: Times
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Safe for a key called `__proto__`. */
export function own<T>(object: { readonly [key: string]: T }, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/** RFC 7386, section 2: null removes, objects are merged, any other value replaces. */
export function merge(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = new Map(Object.entries(target))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, mergeValue(own(target, key), value))
  }
  return Object.fromEntries(merged)
}

function mergeValue(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  return merge(isObject(target) ? target : {}, patch)
}

/**
 * One patch with the effect of two in sequence, with one exception: if the first replaces an object by another value, and the
 * second replaces this value by an object, keys of the original object reappear.
 */
export function compose(first: JsonObject, second: JsonObject): JsonObject {
  const composed = new Map(Object.entries(first))
  for (const [key, value] of Object.entries(second)) {
    const before = own(first, key)
    composed.set(key, isObject(before) && isObject(value) ? compose(before, value) : value)
  }
  return Object.fromEntries(composed)
}

/** The part of `desired` that differs from `reported`; null for none. An array is one value. */
export function difference(desired: JsonObject, reported: JsonObject): JsonObject | null {
  const different: [string, Json][] = []
  for (const [key, wanted] of Object.entries(desired)) {
    const is = own(reported, key)
    if (isObject(wanted) && isObject(is)) {
      const below = difference(wanted, is)
      if (below !== null) different.push([key, below])
    } else if (is === undefined || !equal(wanted, is)) {
      different.push([key, wanted])
    }
  }
  return different.length === 0 ? null : Object.fromEntries(different)
}

export function equal(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((one, i) => equal(one, b[i]))
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a)
    if (keys.length !== Object.keys(b).length) return false
    return keys.every((key) => {
      const other = own(b, key)
      return other !== undefined && equal(a[key] as Json, other)
    })
  }
  return a === b
}

/** The times of a merged state: values that the patch wrote have this timestamp. */
export function mergeTimes(times: TimesObject, patch: JsonObject, timestamp: number): TimesObject {
  const merged = new Map(Object.entries(times))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      merged.delete(key)
    } else if (isObject(value)) {
      const before = own(times, key)
      merged.set(
        key,
        mergeTimes(before !== undefined && isTimesObject(before) ? before : {}, value, timestamp),
      )
    } else {
      merged.set(key, timesOf(value, timestamp))
    }
  }
  return Object.fromEntries(merged)
}

/** The times of the leaf values in a part of the state. */
export function timesWithin(times: TimesObject, part: JsonObject): TimesObject {
  const within: [string, Times][] = []
  for (const [key, value] of Object.entries(part)) {
    const time = own(times, key)
    if (time === undefined || value === null) continue
    within.push([key, isObject(value) && isTimesObject(time) ? timesWithin(time, value) : time])
  }
  return Object.fromEntries(within)
}

function timesOf(value: Json, timestamp: number): Times {
  if (Array.isArray(value)) return value.map((one: Json) => timesOf(one, timestamp))
  if (isObject(value)) return mergeTimes({}, value, timestamp)
  return { timestamp }
}

/** A time and an object with a leaf value called `timestamp` differ only in the type of `timestamp`. */
function isTimesObject(times: Times): times is TimesObject {
  return !Array.isArray(times) && typeof (times as { timestamp?: unknown }).timestamp !== 'number'
}

/** The depth of nested objects and arrays. From the text, so that a text too deep is never parsed. */
export function nesting(text: string): number {
  let deepest = 0
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (quoted) {
      if (c === '\\') i++
      else if (c === '"') quoted = false
    } else if (c === '"') quoted = true
    else if (c === '{' || c === '[') deepest = Math.max(deepest, ++depth)
    else if (c === '}' || c === ']') depth--
  }
  return deepest
}
