// What a caller of a device asks for and how long it waits, before any home is asked.
import { describe, expect, test } from 'vitest'
import { CALL_WAIT_MS_MAX, callSchema } from '../../src/api/command.ts'
import { callOf, triesOf, waitMsOf } from '../../src/api/command-call.ts'
import { base64ToBytes } from '../../src/relay/base64.ts'
import { COMMAND_HOLD_MS_MAX } from '../../src/relay/command.ts'

const LAMP = { fleet: 'default', device: 'lamp' }
const call = (body: object, key?: string, waitMs = 10_000, target = LAMP) =>
  callOf(callSchema.parse({ name: 'blink', ...body }), target, key, waitMs)

describe('the tries of a call', () => {
  test('say at the first that there was none before, though time has passed', async () => {
    const asked = await call({})
    if (asked === null) throw new Error('refused')
    let now = 1_000
    const next = triesOf(asked, 41_000, () => now++)
    expect(next()).toMatchObject({ id: asked.id, askedForMs: 0, holdMs: COMMAND_HOLD_MS_MAX })
    now = 38_000
    expect(next()).toMatchObject({ id: asked.id, askedForMs: 37_000, holdMs: 3_000 })
    now = 50_000
    expect(next()).toMatchObject({ holdMs: 0 })
  })

  test('do not count as the first where no time has passed', async () => {
    const asked = await call({})
    if (asked === null) throw new Error('refused')
    const next = triesOf(asked, 41_000, () => 1_000)
    next()
    expect(next().askedForMs).toBeGreaterThan(0)
  })
})

describe('a call', () => {
  test('has the same id for the same key of a device, and for no other', async () => {
    const ids = await Promise.all([
      call({}, 'k'),
      call({ payload: 1 }, 'k'),
      call({}, 'l'),
      call({}, 'k', 10_000, { ...LAMP, device: 'pump' }),
      call({}, 'k', 10_000, { ...LAMP, fleet: 'other' }),
      call({}),
    ])
    expect(ids[0]?.id).toBe(ids[1]?.id)
    expect(ids[0]?.fingerprint).not.toBe(ids[1]?.fingerprint)
    expect(new Set(ids.map((one) => one?.id)).size).toBe(5)
  })

  test('has its payload as JSON, text or bytes', async () => {
    const text = async (body: object) =>
      new TextDecoder().decode(base64ToBytes((await call(body))?.payload ?? ''))
    expect(await text({ payload: { a: 1 } })).toBe('{"a":1}')
    expect(await text({ payload: null })).toBe('null')
    expect(await text({ text: 'é' })).toBe('é')
    expect(await text({ base64: btoa('x') })).toBe('x')
    expect(await text({})).toBe('')
    expect((await call({ payload: 1 }))?.contentType).toBe('application/json')
    expect((await call({ text: 'x' }))?.contentType).toBeNull()
  })

  test('is kept where it has a key, or its caller may be gone before the answer', async () => {
    expect((await call({}))?.kept).toBe(false)
    expect((await call({}, 'k'))?.kept).toBe(true)
    expect((await call({}, undefined, 9_999))?.kept).toBe(true)
  })

  test.each([
    [undefined, 5_000, 5_000],
    [undefined, 600_000, CALL_WAIT_MS_MAX],
    ['respond-async', 5_000, 0],
    ['respond-async, wait=2', 5_000, 2_000],
    ['wait=90', 600_000, CALL_WAIT_MS_MAX],
    ['return=minimal', 5_000, 5_000],
  ])('that prefers %s, of a device that has %i ms, waits %i ms', (prefer, timeoutMs, waits) => {
    expect(waitMsOf(prefer, timeoutMs)).toBe(waits)
  })
})
