// The contract's schemas: each takes what it should, and tells which field it refuses.
import { expect, test } from 'vitest'
import { ENVELOPES_PER_CALL_MAX, envelopesRequestSchema } from '../../src/relay/envelope.ts'
import { resolveRequestSchema } from '../../src/relay/home.ts'
import { rootSchema } from '../../src/relay/names.ts'
import { invalid, problemResponse, problemSchema } from '../../src/relay/problem.ts'
import { SAMPLES } from './samples.ts'
import { relaySchemas } from './schemas.ts'

const schemas = await relaySchemas()

/** A copy with another value at `field`. */
function changed(valid: unknown, field: string, value: unknown): unknown {
  if (field === '') return value
  const copy: unknown = structuredClone(valid)
  const keys = field.split('.')
  const last = keys.pop() ?? ''
  let at = copy as Record<string, unknown>
  for (const key of keys) at = at[key] as Record<string, unknown>
  at[last] = value
  return copy
}

test('each schema of the contract has a sample, and each sample a schema', () => {
  expect(Object.keys(SAMPLES).sort()).toEqual([...schemas.keys()].sort())
})

test.each([...schemas])('%s takes its sample and changes nothing in it', (name, schema) => {
  expect(schema.parse(SAMPLES[name]?.valid)).toEqual(SAMPLES[name]?.valid)
})

const wrong = Object.entries(SAMPLES).flatMap(([name, { valid, wrong: fields }]) =>
  Object.entries(fields).map(([field, value]) => ({ name, field, value, valid })),
)

test.each(wrong)('$name refuses $value as $field, and names it', async ({ name, field, value, valid }) => {
  const result = schemas.get(name)?.safeParse(changed(valid, field, value))
  if (result?.success !== false) throw new Error('it was taken')
  const response = invalid(result.error)
  expect(response.status).toBe(400)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = problemSchema.parse(await response.json())
  expect(problem.field ?? '').toBe(field)
  expect(problem.detail).not.toBe('')
})

test('a field that is missing is named as well', () => {
  const result = resolveRequestSchema.safeParse({ fleet: 'default', region: 'eu' })
  expect(result.error?.issues[0]?.path).toEqual(['root'])
})

test('a call holds a bounded number of envelopes', () => {
  const envelope = SAMPLES.envelopeSchema?.valid
  const call = (count: number) => ({ region: 'eu', envelopes: Array(count).fill(envelope) })
  expect(envelopesRequestSchema.safeParse(call(ENVELOPES_PER_CALL_MAX)).success).toBe(true)
  expect(envelopesRequestSchema.safeParse(call(ENVELOPES_PER_CALL_MAX + 1)).success).toBe(false)
})

test('an empty root is refused: no topic has one', () => {
  expect(rootSchema.safeParse('').success).toBe(false)
})

test('a problem leaves out what it does not know', async () => {
  const response = problemResponse('not-found', 'Nothing is here')
  expect(response.status).toBe(404)
  expect(await response.json()).toEqual({
    type: '/problems/not-found',
    title: 'Nothing is here',
    status: 404,
  })
})
