// The pure step of a device's life: a table over each phase and input, and what holds after any inputs.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Live } from '../../actors/device/connection/live.ts'
import {
  ABSENT,
  type DevicePhase,
  type LifeEffect,
  type LifeInput,
  step,
} from '../../actors/device/device-life.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { Session } from '../../src/session/session.ts'

const QUEUE = { messagesMax: 100, whenFull: 'drop-oldest' } as const
const LASTING = Session.begin('lasting', 3600, QUEUE)
const SHORT = Session.begin('short', 0, QUEUE)
const FAREWELL = { farewell: Reason.DisconnectWithWill } as unknown as Live
const LIVE = { farewell: null } as unknown as Live

const PHASES: Readonly<Record<string, DevicePhase>> = {
  absent: ABSENT,
  away: { is: 'away', session: LASTING },
  connected: { is: 'connected', session: LASTING, live: LIVE },
  'connected, without expiry': { is: 'connected', session: SHORT, live: LIVE },
  'connected, after DISCONNECT': { is: 'connected', session: LASTING, live: FAREWELL },
}

const INPUTS: Readonly<Record<string, LifeInput>> = {
  began: { is: 'began', cutOff: false },
  'began after its process': { is: 'began', cutOff: true },
  returned: { is: 'returned', cleanStart: false, expired: false },
  'returned with Clean Start': { is: 'returned', cleanStart: true, expired: false },
  'returned too late': { is: 'returned', cleanStart: false, expired: true },
  connected: { is: 'connected', session: LASTING, live: LIVE },
  closed: { is: 'closed', reason: null, presence: 'published' },
  'taken over': { is: 'closed', reason: Reason.SessionTakenOver, presence: 'unpublished' },
  lost: { is: 'lost' },
  expired: { is: 'session-ended', why: 'session-expired' },
  imported: { is: 'imported', session: LASTING },
  'imported without a session': { is: 'imported', session: null },
  released: { is: 'released' },
}

/** The phase after an input, its follow-ups included, and all effects in order. */
function run(phase: DevicePhase, input: LifeInput): { phase: DevicePhase; effects: LifeEffect[] } {
  const stepped = step(phase, input)
  let after = stepped.phase
  const effects: LifeEffect[] = []
  for (const effect of stepped.effects) {
    if (effect.do !== 'input') {
      effects.push(effect)
      continue
    }
    const next = run(after, effect.input)
    after = next.phase
    effects.push(...next.effects)
  }
  return { phase: after, effects }
}

/** An input that its caller must not give in this phase. */
function isBug(phase: DevicePhase, input: LifeInput): boolean {
  if (input.is === 'connected')
    return phase.is === 'connected' || (phase.is === 'away' && phase.session !== input.session)
  if (phase.is !== 'connected') return false
  return (
    input.is === 'returned' ||
    input.is === 'session-ended' ||
    input.is === 'released' ||
    (input.is === 'imported' && input.session === null)
  )
}

function textOf(effect: LifeEffect): string {
  const { do: name, ...values } = effect as { do: string } & Record<string, unknown>
  const said = Object.entries(values).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null ? [] : [`${key} ${value}`],
  )
  return [name, ...said].join(' ')
}

const BUG = 'a bug of the caller'
const ENDED = 'presence-ended reason null presence published'
const DELETED = 'delete-session why'

/** By phase and input: the next phase and the effects. */
const TABLE: readonly [phase: string, input: string, next: string, ...effects: string[]][] = [
  ['absent', 'began', 'absent', ENDED, 'will-remains expirySeconds 0', 'publish-presence'],
  ['absent', 'began after its process', 'absent', ENDED, 'will-remains expirySeconds 0', 'publish-presence'],
  ['absent', 'returned', 'absent', 'will-returned resumed false'],
  ['absent', 'returned with Clean Start', 'absent', 'will-returned resumed false'],
  ['absent', 'returned too late', 'absent', 'will-returned resumed false'],
  ['absent', 'connected', 'connected'],
  ['absent', 'closed', 'absent'],
  ['absent', 'taken over', 'absent'],
  ['absent', 'lost', 'absent'],
  ['absent', 'expired', 'absent'],
  ['absent', 'imported', 'away'],
  ['absent', 'imported without a session', 'absent'],
  ['absent', 'released', 'absent'],
  ['away', 'began', 'away', ENDED, 'will-remains expirySeconds 3600', 'publish-presence'],
  [
    'away',
    'began after its process',
    'away',
    'disconnect-session',
    'store-away',
    ENDED,
    'will-remains expirySeconds 3600',
    'publish-presence',
  ],
  ['away', 'returned', 'away', 'will-returned resumed true'],
  ['away', 'returned with Clean Start', 'absent', 'will-returned resumed false', `${DELETED} discarded`],
  ['away', 'returned too late', 'absent', `${DELETED} session-expired`, 'will-returned resumed false'],
  ['away', 'connected', 'connected'],
  ['away', 'closed', 'away'],
  ['away', 'taken over', 'away'],
  ['away', 'lost', 'away'],
  ['away', 'expired', 'absent', `${DELETED} session-expired`],
  ['away', 'imported', 'away'],
  ['away', 'imported without a session', 'absent'],
  ['away', 'released', 'absent'],
  ['connected', 'began', 'connected', 'publish-presence'],
  ['connected', 'began after its process', 'connected', 'publish-presence'],
  ['connected', 'returned', BUG],
  ['connected', 'returned with Clean Start', BUG],
  ['connected', 'returned too late', BUG],
  ['connected', 'connected', BUG],
  [
    'connected',
    'closed',
    'away',
    'close reason null',
    'disconnect-session',
    'store-away',
    ENDED,
    'will-begins expirySeconds 3600',
  ],
  [
    'connected',
    'taken over',
    'away',
    'note-takeover',
    'close reason 142',
    'disconnect-session',
    'store-away',
    'presence-ended reason 142 presence unpublished',
    'will-begins expirySeconds 3600',
  ],
  [
    'connected',
    'lost',
    'away',
    'end-connection',
    'disconnect-session',
    'store-away',
    ENDED,
    'will-begins expirySeconds 3600',
  ],
  ['connected', 'expired', BUG],
  ['connected', 'imported', 'connected'],
  ['connected', 'imported without a session', BUG],
  ['connected', 'released', BUG],
  [
    'connected, without expiry',
    'lost',
    'absent',
    'end-connection',
    'disconnect-session',
    `${DELETED} session-ended`,
    ENDED,
    'will-begins expirySeconds 0',
  ],
  [
    'connected, without expiry',
    'closed',
    'absent',
    'close reason null',
    'disconnect-session',
    `${DELETED} session-ended`,
    ENDED,
    'will-begins expirySeconds 0',
  ],
  [
    'connected, after DISCONNECT',
    'closed',
    'away',
    'close reason null',
    'disconnect-session',
    'store-away',
    'presence-ended reason 4 presence published',
    'will-begins expirySeconds 3600',
  ],
]

describe('a device that is', () => {
  test.each(TABLE)('%s, on the input %s, is then %s', (phase, input, next, ...effects) => {
    const stepped = () => run(PHASES[phase] as DevicePhase, INPUTS[input] as LifeInput)
    if (next === BUG) {
      expect(stepped).toThrow()
      return
    }
    const { phase: last, effects: performed } = stepped()
    expect([last.is, ...performed.map(textOf)]).toEqual([next, ...effects])
  })

  test('absent, away or connected has a row in the table for each input', () => {
    const rows = TABLE.map(([phase, input]) => `${phase}: ${input}`)
    for (const phase of ['absent', 'away', 'connected'])
      for (const input of Object.keys(INPUTS)) expect(rows).toContain(`${phase}: ${input}`)
  })
})

test('after any inputs a session was never deleted while its connection was live, and each connection ended once', () => {
  const start = fc.constantFrom(...Object.values(PHASES))
  const inputs = fc.array(fc.constantFrom(...Object.values(INPUTS)), { maxLength: 30 })
  fc.assert(
    fc.property(start, inputs, (first, all) => {
      let phase = first
      let connections = first.is === 'connected' ? 1 : 0
      for (const input of all) {
        const before = phase
        if (isBug(before, input)) {
          expect(() => run(before, input)).toThrow()
          continue
        }
        const { phase: after, effects } = run(before, input)
        const ended = effects.findIndex((one) => one.do === 'close' || one.do === 'end-connection')
        const deleted = effects.findIndex((one) => one.do === 'delete-session')
        if (before.is !== 'connected' && after.is === 'connected') connections++
        if (ended >= 0) connections--
        if (before.is === 'connected' && deleted >= 0) {
          expect(ended).toBeGreaterThanOrEqual(0)
          expect(ended).toBeLessThan(deleted)
        }
        phase = after
        expect(connections).toBe(phase.is === 'connected' ? 1 : 0)
      }
    }),
  )
})
