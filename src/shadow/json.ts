// JSON as shadows change and compare it: the merge of RFC 7386, the difference of two states, and a time for each leaf.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}
/** When each leaf was last written, in seconds since the epoch; arrays element by element. */
export type Times = { readonly timestamp: number } | readonly Times[] | TimesObject
export interface TimesObject {
  readonly [key: string]: Times
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A key may be called `__proto__`. */
export function own<T>(object: { readonly [key: string]: T }, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/** RFC 7386, section 2: null removes, objects are merged, all else replaces. */
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
 * The patch that does what two do one after the other, but for one case: where the first puts something else in the place
 * of an object and the second an object again, what the object had before comes to light again.
 */
export function compose(first: JsonObject, second: JsonObject): JsonObject {
  const composed = new Map(Object.entries(first))
  for (const [key, value] of Object.entries(second)) {
    const before = own(first, key)
    composed.set(key, isObject(before) && isObject(value) ? compose(before, value) : value)
  }
  return Object.fromEntries(composed)
}

/** What of `desired` is not so in `reported`; null where nothing is. Arrays are one value. */
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

/** The times of a merged state: what the patch wrote has this one. */
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

/** The times of those leaves that a part of the state has. */
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

/** A leaf's time and an object with one leaf called `timestamp` look alike but for what is in it. */
function isTimesObject(times: Times): times is TimesObject {
  return !Array.isArray(times) && typeof (times as { timestamp?: unknown }).timestamp !== 'number'
}

/** How deep objects and arrays lie in one another, from the text: what is too deep is not even parsed. */
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
