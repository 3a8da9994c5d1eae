// Cursors of the public API: what was given comes back, and nothing else is taken.
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { decodeCursor, encodeCursor, pageQuerySchema } from '../../src/api/paging.ts'

const position = z.object({ topic: z.string(), n: z.int() })

describe('a cursor', () => {
  test.each(['', 'a/b', 'ümläut/🦆', '>>>???', 'x'.repeat(500)])('comes back: %j', (topic) => {
    const cursor = encodeCursor({ topic, n: 7 })
    expect(cursor).toMatch(/^[\w-]+$/)
    expect(decodeCursor(cursor, position)).toEqual({ topic, n: 7 })
    expect(pageQuerySchema.safeParse({ cursor }).success).toBe(true)
  })

  test.each(['', 'x', '!!!', btoa('nonsense'), btoa('{"topic":1}'), '____'])('is not %j', (cursor) => {
    expect(decodeCursor(cursor, position)).toBeNull()
  })
})

describe('the query of a page', () => {
  test('has a limit, also where none is given', () => {
    expect(pageQuerySchema.parse({})).toEqual({ limit: 100 })
    expect(pageQuerySchema.parse({ limit: '7' })).toEqual({ limit: 7 })
  })

  test.each([{ limit: '0' }, { limit: '1001' }, { limit: '1.5' }, { limit: 'x' }, { cursor: 'a b' }])(
    'is not %j',
    (query) => {
      expect(pageQuerySchema.safeParse(query).success).toBe(false)
    },
  )
})
