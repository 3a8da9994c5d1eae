// Merge, difference and times of shadows, over any JSON.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compose,
  difference,
  isObject,
  type Json,
  type JsonObject,
  merge,
  mergeTimes,
  nesting,
  own,
  type Times,
  timesWithin,
} from '../../src/shadow/json.ts'

/** Few keys, so that they meet; one of them is dangerous to those who assign it. */
const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'timestamp')
const { value } = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, true, 1, 2, 'x', ''),
    fc.array(tie('value'), { maxLength: 2 }),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries) as JsonObject),
}))
const object = value.filter(isObject)
/** Of a state, no object of which holds a null. */
const state = object.map((patch) => merge({}, patch))

/** The pseudocode of RFC 7386, section 2, over maps. */
function reference(target: unknown, patch: Json): unknown {
  if (!isObject(patch)) return patch
  const result = new Map(target instanceof Map ? target : [])
  for (const [name, below] of Object.entries(patch)) {
    if (below === null) result.delete(name)
    else result.set(name, reference(result.get(name), below))
  }
  return result
}

function asMaps(json: Json): unknown {
  if (!isObject(json)) return json
  return new Map(Object.entries(json).map(([name, below]) => [name, asMaps(below)]))
}

/** Paths of leaves; an array is one. */
function leaves(json: JsonObject, path: readonly string[] = []): Map<string, Json> {
  const found = new Map<string, Json>()
  for (const [name, below] of Object.entries(json)) {
    if (isObject(below)) for (const [at, leaf] of leaves(below, [...path, name])) found.set(at, leaf)
    else found.set(JSON.stringify([...path, name]), below)
  }
  return found
}

describe('merge', () => {
  test('is that of RFC 7386, whatever the keys are called', () => {
    fc.assert(
      fc.property(state, object, (target, patch) => {
        expect(asMaps(merge(target, patch))).toEqual(reference(asMaps(target), patch))
      }),
    )
  })

  test('changes neither the target nor the prototype of anything', () => {
    fc.assert(
      fc.property(state, object, (target, patch) => {
        const before = JSON.stringify(target)
        merge(target, patch)
        expect(JSON.stringify(target)).toBe(before)
        expect(({} as { a?: unknown }).a).toBeUndefined()
      }),
    )
  })

  test('of two patches in one leaves what one after the other does, where no leaf takes the place of an object', () => {
    const shape = (name: string) =>
      fc.option(fc.constantFrom(1, 2, 3), { nil: undefined }).map((leaf) => [name, leaf])
    const leaf = fc.tuple(shape('x'), shape('y'))
    const patch = fc
      .record({
        a: fc.oneof(leaf.map(Object.fromEntries), fc.constant(undefined)),
        b: fc.constantFrom(1, 2, null, undefined),
      })
      .map((made) => JSON.parse(JSON.stringify(made)) as JsonObject)
    fc.assert(
      fc.property(patch, patch, patch, (target, first, second) => {
        const start = merge({}, target)
        expect(merge(start, compose(first, second))).toEqual(merge(merge(start, first), second))
      }),
    )
  })
})

describe('difference', () => {
  test('is nothing between a state and itself', () => {
    fc.assert(
      fc.property(state, (one) => {
        expect(difference(one, one)).toBeNull()
      }),
    )
  })

  test('reported, makes desired so: nothing is left to do', () => {
    fc.assert(
      fc.property(state, state, (desired, reported) => {
        const delta = difference(desired, reported)
        fc.pre(delta !== null)
        // A null inside an array stays; one in an object would remove, and states have none.
        expect(difference(desired, merge(reported, delta as JsonObject))).toBeNull()
      }),
    )
  })

  test('has no leaf that desired does not have, nor one that is so already', () => {
    fc.assert(
      fc.property(state, state, (desired, reported) => {
        const wanted = leaves(desired)
        const is = leaves(reported)
        for (const [path, leaf] of leaves(difference(desired, reported) ?? {})) {
          expect(wanted.get(path)).toEqual(leaf)
          // What is reported there may be an object or nothing, but never the same.
          if (is.has(path)) expect(JSON.stringify(is.get(path))).not.toBe(JSON.stringify(leaf))
        }
      }),
    )
  })
})

describe('times', () => {
  const timeAt = (times: Times, path: readonly string[]): Times | undefined =>
    path.reduce<Times | undefined>(
      (at, name) =>
        at === undefined || Array.isArray(at) ? undefined : own(at as { [key: string]: Times }, name),
      times,
    )
  const stamps = (times: Times): number[] =>
    Array.isArray(times)
      ? times.flatMap(stamps)
      : typeof (times as { timestamp?: unknown }).timestamp === 'number'
        ? [(times as { timestamp: number }).timestamp]
        : Object.values(times).flatMap(stamps)

  test('each leaf has the time of the last update that wrote it, and nothing else has one', () => {
    fc.assert(
      fc.property(fc.array(object, { maxLength: 5 }), (patches) => {
        let state: JsonObject = {}
        let times = {}
        const written = new Map<string, number>()
        patches.forEach((patch, i) => {
          state = merge(state, patch)
          times = mergeTimes(times, patch, i + 1)
          for (const path of leaves(patch).keys()) written.set(path, i + 1)
        })
        const found = leaves(state)
        for (const path of found.keys()) {
          const at = stamps(timeAt(times, JSON.parse(path) as string[]) as Times)
          // An array without elements has no times.
          expect(new Set(at).size).toBeLessThanOrEqual(1)
          if (at[0] !== undefined) expect(at[0]).toBe(written.get(path))
        }
        expect(Object.keys(times).sort()).toEqual(Object.keys(state).sort())
      }),
    )
  })

  test('within a part of the state are those of its leaves', () => {
    const times = mergeTimes({}, { a: { x: 1, y: [1, { z: 2 }] }, b: 1 }, 7)
    expect(times).toEqual({
      a: { x: { timestamp: 7 }, y: [{ timestamp: 7 }, { z: { timestamp: 7 } }] },
      b: { timestamp: 7 },
    })
    expect(timesWithin(times, { a: { x: 1 } })).toEqual({ a: { x: { timestamp: 7 } } })
  })
})

test('nesting counts what lies in one another, and no bracket inside a text', () => {
  const depth = (json: Json): number =>
    typeof json === 'object' && json !== null
      ? 1 + Math.max(0, ...Object.values(json).map((one) => depth(one as Json)))
      : 0
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      expect(nesting(JSON.stringify(json))).toBe(depth(json as Json))
    }),
  )
  expect(nesting('['.repeat(100_000))).toBe(100_000)
})
