// A topic filter in a query whose + is not encoded is refused: as a space it would match nothing.
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { encodedFilter } from '../../src/api/encoded-filter.ts'
import { problemSchema } from '../../src/relay/problem.ts'

const app = new Hono()
app.get('/events', encodedFilter('filter'), (c) => c.json(c.req.queries('filter') ?? []))

describe('a filter in a query', () => {
  test.each([
    ['rooms/+/light', 'rooms/ /light'],
    ['rooms%2F+%2Flight', 'rooms/ /light'],
    ['+', ' '],
    ['+/light', ' /light'],
    ['a/b&filter=rooms/+', 'rooms/ '],
  ])('that is written as %s is refused, and the problem has it as it arrived', async (written, arrived) => {
    const response = await app.request(`/events?filter=${written}`)
    expect(response.status).toBe(400)
    const problem = problemSchema.parse(await response.json())
    expect(problem).toMatchObject({ type: '/problems/unencoded-filter', field: 'filter' })
    expect(problem.detail).toContain(`'${arrived}'`)
    expect(problem.detail).toContain('%2B')
  })

  test.each([
    ['rooms/%2B/light', 'rooms/+/light'],
    ['rooms/%20/light', 'rooms/ /light'],
    ['living+room/light', 'living room/light'],
    ['rooms/%', 'rooms/%'],
  ])('that is written as %s is taken as %s', async (written, taken) => {
    expect(await (await app.request(`/events?filter=${written}`)).json()).toEqual([taken])
  })

  test('is no other parameter', async () => {
    expect((await app.request('/events?filter=a&cursor=+')).status).toBe(200)
    expect((await app.request('/events')).status).toBe(200)
  })
})
