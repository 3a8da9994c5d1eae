// A shadow's requests and answers, as AWS IoT documents them.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ShadowVerb } from '../../src/id/shadow-topic.ts'
import { decodeShadow, encodeShadow, type Shadow } from '../../src/shadow/document.ts'
import {
  SHADOW_LEVELS_MAX,
  SHADOW_REQUEST_BYTES_MAX,
  SHADOW_STATE_BYTES_MAX,
} from '../../src/shadow/limits.ts'
import { deltaOf, step } from '../../src/shadow/step.ts'

const NOW = 1_700_000_000_500
const SECONDS = 1_700_000_000

const bytes = (text: string) => new TextEncoder().encode(text)

/** Requests one after another, a second apart; texts are sent as they are. */
function sent(...requests: readonly (readonly [ShadowVerb, unknown])[]) {
  let shadow: Shadow | null = null
  let answers: { topic: string; body: unknown }[] = []
  requests.forEach(([verb, body], i) => {
    const payload = typeof body === 'string' ? bytes(body) : bytes(JSON.stringify(body))
    const stepped = step(shadow, verb, payload, NOW + i * 1000, 'lamp')
    // As storage would give it back.
    shadow = stepped.applied === null ? shadow : decodeShadow(encodeShadow(stepped.applied.shadow))
    answers = stepped.answers.map(({ topic, body: answer }) => ({
      topic,
      body: JSON.parse(JSON.stringify(answer)),
    }))
  })
  return { shadow: shadow as Shadow | null, answers, topics: answers.map(({ topic }) => topic) }
}

const desired = (state: unknown, more = {}) => ['update', { state: { desired: state }, ...more }] as const
const reported = (state: unknown, more = {}) => ['update', { state: { reported: state }, ...more }] as const

describe('an update', () => {
  test('makes the shadow, and is answered with what it wrote, the delta and both documents', () => {
    const { answers } = sent(desired({ color: 'red', rgb: [1, 2] }, { clientToken: 't' }))
    const state = { desired: { color: 'red', rgb: [1, 2] } }
    const stamp = { timestamp: SECONDS }
    const metadata = { desired: { color: stamp, rgb: [stamp, stamp] } }
    const common = { timestamp: SECONDS, clientToken: 't' }
    expect(answers).toEqual([
      { topic: 'update/accepted', body: { state, metadata, version: 1, ...common } },
      {
        topic: 'update/delta',
        body: { state: state.desired, metadata: metadata.desired, version: 1, ...common },
      },
      {
        topic: 'update/documents',
        body: {
          previous: { state: {}, metadata: {}, version: 0 },
          current: { state, metadata, version: 1 },
          ...common,
        },
      },
    ])
  })

  test('merges: null removes, other attributes stay as they are, with their times', () => {
    const { shadow } = sent(desired({ a: 1, b: { x: 1, y: 2 } }), desired({ a: null, b: { y: 3 } }))
    expect(shadow).toMatchObject({
      version: 2,
      document: {
        state: { desired: { b: { x: 1, y: 3 } } },
        metadata: { desired: { b: { x: { timestamp: SECONDS }, y: { timestamp: SECONDS + 1 } } } },
      },
    })
    expect(Object.keys(shadow?.document?.state.desired ?? {})).toEqual(['b'])
  })

  test('of a section with null removes the section, and so does one that leaves nothing in it', () => {
    for (const none of [null, { a: null }]) {
      const { shadow, answers } = sent(desired({ a: 1 }), [
        'update',
        { state: { desired: none, reported: { a: 2 } } },
      ])
      expect(shadow?.document?.state).toEqual({ reported: { a: 2 } })
      expect(answers[0]?.body).toMatchObject({ state: { desired: none }, version: 2 })
    }
  })

  test('says no delta once what is reported is what is desired', () => {
    expect(sent(desired({ a: { b: 1 }, c: 2 }), reported({ a: { b: 1 } })).topics).toContain('update/delta')
    expect(sent(desired({ a: { b: 1 } }), reported({ a: { b: 1 }, more: 1 })).topics).toEqual([
      'update/accepted',
      'update/documents',
    ])
  })

  test('with a version other than the current one changes nothing and is a conflict', () => {
    const { shadow, answers } = sent(
      desired({ a: 1 }),
      desired({ a: 2 }, { version: 2, clientToken: 'mine' }),
    )
    expect(answers).toEqual([
      {
        topic: 'update/rejected',
        body: { code: 409, message: 'Version conflict', timestamp: SECONDS + 1, clientToken: 'mine' },
      },
    ])
    expect(shadow).toMatchObject({ version: 1, document: { state: { desired: { a: 1 } } } })
    expect(sent(desired({ a: 1 }), desired({ a: 2 }, { version: 1 })).shadow?.version).toBe(2)
    expect(sent(desired({ a: 1 }, { version: 0 })).shadow?.version).toBe(1)
  })

  test('may fill the state to its bound and not beyond, whatever the metadata take', () => {
    const room = SHADOW_STATE_BYTES_MAX - JSON.stringify({ desired: { a: '' } }).length
    expect(sent(desired({ a: 'x'.repeat(room) })).topics[0]).toBe('update/accepted')
    const over = sent(desired({ b: 1 }), desired({ a: 'x'.repeat(room) }))
    expect(over.answers[0]).toMatchObject({ topic: 'update/rejected', body: { code: 413 } })
    expect(over.shadow?.version).toBe(1)
    // Counted in bytes.
    expect(sent(desired({ a: 'é'.repeat(room / 2 + 1) })).answers[0]?.body).toMatchObject({ code: 413 })
  })
})

const deep = (levels: number) => `{"state":{"desired":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}}`

describe('a request that is refused says why', () => {
  test.each([
    ['no JSON', 'update', 'x', 400, 'Invalid JSON'],
    ['no object', 'update', '[1]', 400, 'Invalid JSON'],
    ['nothing', 'update', '', 400, 'Invalid JSON'],
    ['no state', 'update', '{"desired":{}}', 400, 'Missing required node: state'],
    ['a state that is none', 'update', '{"state":[]}', 400, 'State node must be an object'],
    ['a desired that is none', 'update', '{"state":{"desired":1}}', 400, 'Desired node must be an object'],
    [
      'a reported that is none',
      'update',
      '{"state":{"reported":[]}}',
      400,
      'Reported node must be an object',
    ],
    ['another section', 'update', '{"state":{"wanted":{}}}', 400, 'State contains an invalid node'],
    [
      'a section called __proto__',
      'update',
      '{"state":{"__proto__":{}}}',
      400,
      'State contains an invalid node',
    ],
    ['a version that is none', 'update', '{"state":{},"version":"1"}', 400, 'Invalid version'],
    ['a version below none', 'update', '{"state":{},"version":-1}', 400, 'Invalid version'],
    ['a token that is no text', 'get', '{"clientToken":1}', 400, 'Invalid clientToken'],
    ['a long token', 'delete', `{"clientToken":"${'é'.repeat(33)}"}`, 400, 'Invalid clientToken'],
    ['too many levels', 'update', deep(SHADOW_LEVELS_MAX + 1), 400, /too many levels of nesting/],
    ['no shadow to get', 'get', '', 404, "No shadow exists with name: 'lamp'"],
    ['no shadow to delete', 'delete', '{}', 404, "No shadow exists with name: 'lamp'"],
    [
      'too much',
      'update',
      `{"state":{"desired":{"a":"${'x'.repeat(SHADOW_REQUEST_BYTES_MAX)}"}}}`,
      413,
      /exceeds/,
    ],
  ] as const)('%s', (_, verb, payload, code, message) => {
    const { answers, shadow } = sent([verb, payload])
    expect(answers).toEqual([
      {
        topic: `${verb}/rejected`,
        body: { code, message: expect.stringMatching(message), timestamp: SECONDS },
      },
    ])
    expect(shadow).toBeNull()
  })

  test('what is not UTF-8', () => {
    const { answers } = step(null, 'update', Uint8Array.of(0x22, 0xff, 0x22), NOW, 'lamp')
    expect(answers[0]?.body).toMatchObject({ code: 415 })
  })

  test('and has the token, where that is one', () => {
    expect(sent(['update', { state: 1, clientToken: 't' }]).answers[0]?.body).toMatchObject({
      clientToken: 't',
    })
    expect(sent(['update', { state: {}, version: 'x', clientToken: 't' }]).answers[0]?.body).toMatchObject({
      message: 'Invalid version',
      clientToken: 't',
    })
  })

  test('but as many levels as there may be are accepted', () => {
    expect(sent(['update', deep(SHADOW_LEVELS_MAX)]).topics[0]).toBe('update/accepted')
  })
})

describe('a get', () => {
  test('says the whole document, with the delta, and changes nothing', () => {
    const { answers, shadow } = sent(desired({ a: 1, b: 2 }), reported({ a: 1 }), [
      'get',
      { clientToken: 'g' },
    ])
    expect(answers).toEqual([
      {
        topic: 'get/accepted',
        body: {
          state: { desired: { a: 1, b: 2 }, reported: { a: 1 }, delta: { b: 2 } },
          metadata: {
            desired: { a: { timestamp: SECONDS }, b: { timestamp: SECONDS } },
            reported: { a: { timestamp: SECONDS + 1 } },
          },
          version: 2,
          timestamp: SECONDS + 2,
          clientToken: 'g',
        },
      },
    ])
    expect(shadow?.version).toBe(2)
  })

  test('with an empty payload is one', () => {
    expect(sent(desired({ a: 1 }), ['get', '']).topics).toEqual(['get/accepted'])
  })
})

describe('a delete', () => {
  test('removes the document; the next one of the name goes on from its version', () => {
    const gone = sent(desired({ a: 1 }), desired({ a: 2 }), ['delete', { clientToken: 'd' }])
    expect(gone.answers).toEqual([
      { topic: 'delete/accepted', body: { version: 2, timestamp: SECONDS + 2, clientToken: 'd' } },
    ])
    const { answers, shadow } = sent(desired({ a: 1 }), ['delete', ''], desired({ b: 1 }, { version: 1 }))
    expect(shadow).toMatchObject({ version: 2, document: { state: { desired: { b: 1 } } } })
    expect(answers.at(-1)?.body).toMatchObject({ previous: { state: {}, version: 1 } })
    expect(sent(desired({ a: 1 }), ['delete', ''], ['get', '']).answers[0]?.body).toMatchObject({
      code: 404,
    })
  })

  test('with a version other than the current one is a conflict', () => {
    expect(sent(desired({ a: 1 }), ['delete', { version: 3 }]).answers[0]?.body).toMatchObject({ code: 409 })
  })
})

test('the delta on return is that of the last update', () => {
  const { shadow, answers } = sent(desired({ a: 1 }), reported({ b: 1 }))
  const said = answers.find(({ topic }) => topic === 'update/delta')?.body
  expect(deltaOf(shadow as Shadow, NOW + 1000)?.body).toEqual(said)
})

test('versions count exactly what was accepted, and no request of any kind throws', () => {
  const request = fc.record(
    {
      state: fc.oneof(
        fc.dictionary(fc.constantFrom('desired', 'reported', 'other'), fc.jsonValue()),
        fc.jsonValue(),
      ),
      version: fc.oneof(fc.nat(5), fc.jsonValue()),
      clientToken: fc.oneof(fc.string(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  const payload = fc.oneof(
    request.map((one) => bytes(JSON.stringify(one))),
    fc.uint8Array(),
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom<ShadowVerb>('get', 'update', 'delete'), payload)),
      (all) => {
        let shadow: Shadow | null = null
        for (const [verb, bytesOfIt] of all) {
          const stepped = step(shadow, verb, bytesOfIt, NOW, 'lamp')
          const accepted = stepped.answers[0]?.topic === `${verb}/accepted`
          expect(stepped.answers[0]?.topic).toMatch(/\/(accepted|rejected)$/)
          expect(stepped.applied !== null).toBe(accepted && verb !== 'get')
          const before: number = (shadow as Shadow | null)?.version ?? 0
          shadow = stepped.applied?.shadow ?? shadow
          expect(shadow?.version ?? 0).toBe(before + Number(accepted && verb === 'update'))
        }
      },
    ),
  )
})
