// The judges of a chaos run find what is planted.
import { describe, expect, it, test } from 'vitest'
import { REMAINDER_WAIT_MS_MAX } from '../../actors/limits.ts'
import { BEGINS_FROM_STORE, BEGINS_IN_ORDER, FORMER_HOME_KNOWS, HAS_ALL } from '../../k8s-core/app.ts'
import { Random } from '../random/random.ts'
import { copiesOf, differences, parseTopology } from './database.ts'
import { type CutShort, type FailOver, longestUntoldMs, movesIn, untold } from './fail-overs.ts'
import { apart, FAULT_KINDS, type Happened, planFaults } from './faults.ts'
import { Ledger, type ReceiverKind } from './ledger.ts'
import { doubleConnections } from './served.ts'

/** A publisher that sends `total` messages, all acknowledged, to a receiver that gets those of `order`. */
function judged(
  order: readonly number[],
  total: number,
  { kind = 'settled' as ReceiverKind, root = 'rooms/1', at = 400 } = {},
) {
  const ledger = new Ledger()
  const stream = ledger.stream('pub', 'eu', root, 1)
  const receiver = ledger.receiver('sub', kind)
  receiver.since.set(root, 100)
  const payloads = Array.from({ length: total }, (_, i) => ledger.sent(stream, 101 + i).payload)
  payloads.forEach((_, sequence) => {
    ledger.answered(stream, sequence, 0, 300)
  })
  for (const sequence of order) ledger.arrived(receiver, payloads[sequence] as Buffer, at, 'us#1')
  return { ledger, stream, verdict: ledger.judge() }
}

describe('the ledger', () => {
  it('finds nothing where all came in order', () => {
    const { verdict } = judged([0, 1, 2], 3)
    expect(verdict).toMatchObject({
      lost: [],
      inversions: [],
      duplicatesQos1: 0,
      acknowledged: 3,
      expected: 3,
    })
  })

  it('finds an acknowledged message that did not come', () => {
    const { verdict } = judged([0, 2], 3)
    expect(verdict.lost).toMatchObject([{ what: 'loss', receiver: 'sub', publisher: 'pub', sequence: 1 }])
    expect(verdict.inversions).toEqual([])
  })

  it('does not ask for what was refused, never answered, or published before SUBACK', () => {
    const { ledger, stream } = judged([], 0)
    ledger.sent(stream, 99)
    ledger.answered(stream, 0, 0, 99)
    ledger.sent(stream, 200)
    ledger.answered(stream, 1, 0x97, 200)
    ledger.sent(stream, 201)
    expect(ledger.judge()).toMatchObject({ lost: [], unanswered: 1, refusals: { 'PUBLISH 0x97': 1 } })
  })

  it('finds a first arrival after a later message, and not a repetition', () => {
    expect(judged([0, 2, 1, 3], 4).verdict.inversions).toMatchObject([
      { sequence: 1, after: { sequence: 2 } },
    ])
    const repeated = judged([0, 1, 2, 1, 2, 3], 4).verdict
    expect(repeated).toMatchObject({ inversions: [], duplicatesQos1: 2, duplicatesOf: { sub: 2 } })
  })

  it('counts what nobody sent', () => {
    const { ledger } = judged([0], 1)
    const strange = Buffer.alloc(48)
    strange.writeUInt32BE(7, 2)
    ledger.arrived(ledger.receiver('sub', 'settled'), strange, 400, 'us#1')
    expect(ledger.judge()).toMatchObject({ strange: 1, arrivals: 1, lost: [] })
  })

  it('concedes order to a roaming receiver only for roots that are not its own', () => {
    const elsewhere = judged([1, 0], 2, { kind: 'roaming' }).verdict
    expect([elsewhere.inversions.length, elsewhere.concededInversions.length]).toEqual([0, 1])
    const own = judged([1, 0], 2, { kind: 'roaming', root: 'devices/sub' }).verdict
    expect([own.inversions.length, own.concededInversions.length]).toEqual([1, 0])
  })

  it('accepts older messages after newer ones where the root went on without its former home meanwhile', () => {
    const { ledger, verdict } = judged([1, 0], 2)
    const [late] = verdict.inversions
    const root = late?.root ?? ''
    const during = (late?.after?.arrivedAt ?? 0) - 1
    const away = late?.publisherRegion === 'ap' ? 'eu' : 'ap'
    const judgedWith = (failOver: Partial<FailOver>) => {
      const { inversions, lateInversions } = ledger.judge({
        failOvers: [{ root, region: away, at: during, told: [], ...failOver }],
        cutShort: [],
      })
      return [inversions.length, lateInversions.length]
    }
    expect(judgedWith({})).toEqual([0, 1])
    expect(judgedWith({ root: 'another' })).toEqual([1, 0])
    expect(judgedWith({ at: during + 2 })).toEqual([1, 0])
    // The former home goes on with its region's publishers until it is told.
    const before = (late?.sentAt ?? 0) - 1
    expect(judgedWith({ at: before })).toEqual([0, 1])
    expect(judgedWith({ at: before, region: late?.publisherRegion ?? '' })).toEqual([1, 0])
    const told = (at: number) => [{ region: late?.publisherRegion ?? '', at }]
    expect(judgedWith({ at: before - 20_000, told: told(before) })).toEqual([0, 1])
    expect(judgedWith({ at: before - 20_000, told: told(before - 1_000) })).toEqual([1, 0])
  })

  it('accepts the remainder of a home that was cut off while it handed over after newer ones, once the new one waited no more', () => {
    const at = 20_000
    const { ledger, verdict } = judged([1, 0], 2, { at })
    const [late] = verdict.inversions
    const root = late?.root ?? ''
    const judgedWith = (more: Partial<CutShort>) => {
      const cutShort = [{ root, at: late?.sentAt ?? 0, ...more }]
      const { inversions, lateInversions } = ledger.judge({ failOvers: [], cutShort })
      return [inversions.length, lateInversions.length]
    }
    expect(judgedWith({})).toEqual([0, 1])
    expect(judgedWith({ root: 'another' })).toEqual([1, 0])
    expect(judgedWith({ at: (late?.sentAt ?? 0) - 1 })).toEqual([1, 0])
    expect(judgedWith({ at: at - REMAINDER_WAIT_MS_MAX + 1 })).toEqual([1, 0])
  })

  it('learns of both from the cores’ logs', () => {
    const line = (time: number, region: string, msg: string, root = 'devices/lamp', epoch = 2) =>
      `${JSON.stringify({ level: 40, time, root, region, epoch, msg })}\n`
    const log = [
      'starting\n{"level":30,"time":6,"msg":"x"}\n',
      line(9, 'eu', FORMER_HOME_KNOWS),
      line(8, 'ap', FORMER_HOME_KNOWS, 'devices/other'),
      line(7, 'us', BEGINS_FROM_STORE),
      line(5, 'ap', FORMER_HOME_KNOWS),
      // Its answer may have been lost.
      line(8, 'eu', FORMER_HOME_KNOWS, 'devices/lamp', 1),
    ].join('')
    expect(movesIn(log)).toEqual({
      failOvers: [{ root: 'devices/lamp', region: 'us', at: 7, told: [{ region: 'eu', at: 9 }] }],
      cutShort: [],
    })
    const slow = 8 + REMAINDER_WAIT_MS_MAX
    const inOrder = [
      line(8, 'us', BEGINS_IN_ORDER),
      line(slow, 'us', HAS_ALL),
      line(7, 'us', BEGINS_IN_ORDER, 'devices/slow'),
      line(slow, 'us', HAS_ALL, 'devices/slow'),
      line(9, 'us', BEGINS_IN_ORDER, 'devices/never', 3),
      line(10, 'eu', HAS_ALL, 'devices/never', 2),
    ].join('')
    expect(movesIn(inOrder)).toEqual({
      failOvers: [],
      cutShort: [
        { root: 'devices/slow', at: 7 },
        { root: 'devices/never', at: 9 },
      ],
    })
  })

  it('asks of a shared group that one member has it, in any order', () => {
    const { verdict } = judged([1, 0], 3, { kind: 'shared' })
    expect(verdict.inversions).toEqual([])
    expect(verdict.lost).toMatchObject([{ sequence: 2 }])
  })
})

describe('connections of one client id', () => {
  it('are found where two were served at once for longer than a moment', () => {
    const served = [
      { region: 'eu', from: 0, until: 8_000 },
      { region: 'us', from: 3_000, until: 9_000 },
    ]
    expect(doubleConnections('racer', served)).toEqual([
      { client: 'racer', regions: ['eu', 'us'], from: 3_000, ms: 5_000 },
    ])
  })

  it('are found where a long one spans a short one that began between', () => {
    const served = [
      { region: 'eu', from: 0, until: 9_000 },
      { region: 'eu', from: 1_000, until: 1_200 },
      { region: 'us', from: 4_000, until: 8_000 },
    ]
    expect(doubleConnections('racer', served)).toMatchObject([{ from: 4_000, ms: 4_000 }])
  })

  it('are found only for the time in which neither region was cut off', () => {
    const served = [
      { region: 'eu', from: 0, until: 10_000 },
      { region: 'us', from: 1_000, until: 10_000 },
    ]
    const away = (from: number, until: number, region = 'eu') =>
      doubleConnections('racer', served, [{ region, from, until }]).map(({ ms }) => ms)
    expect(away(500, 9_000)).toEqual([])
    expect(away(500, 6_000)).toEqual([4_000])
    expect(away(5_000, 9_000)).toEqual([4_000])
    expect(away(500, 9_000, 'ap')).toEqual([9_000])
  })

  it('are fine where one takes over from the other', () => {
    const served = [
      { region: 'eu', from: 0, until: 3_100 },
      { region: 'us', from: 3_000, until: 9_000 },
    ]
    expect(doubleConnections('racer', served)).toEqual([])
  })
})

test('regions are apart while one is cut off, and all while the only database is away', () => {
  const fault = { at: 0, ms: 1, delayMs: 0, beganAt: 1, healedAt: 2 }
  const happened: Happened[] = [
    { ...fault, kind: 'cut off', target: 'us' },
    { ...fault, kind: 'kill', target: 'eu' },
    { ...fault, kind: 'hold', target: 'cassandra' },
  ]
  const names = (databases: string[]) => apart(happened, ['eu', 'us'], databases).map(({ region }) => region)
  expect(names(['cassandra'])).toEqual(['us', 'eu', 'us'])
  expect(names(['cassandra', 'cassandra-2'])).toEqual(['us'])
})

test('a former home does not know its successor until a core has named it', () => {
  const failOver = { root: 'devices/racer-0', region: 'us', at: 5_000, told: [{ region: 'eu', at: 19_000 }] }
  expect(untold(failOver, ['eu', 'us'])).toEqual([{ region: 'eu', from: 5_000, until: 20_000 }])
  expect(untold({ ...failOver, told: [] }, ['eu', 'us'])).toMatchObject([{ until: Number.POSITIVE_INFINITY }])
  const fault = { kind: 'cut off', target: 'eu', at: 0, ms: 1, delayMs: 0, beganAt: 0 } as const
  expect(
    longestUntoldMs(
      [failOver],
      [
        { ...fault, healedAt: 15_000 },
        { ...fault, healedAt: 40_000 },
      ],
    ),
  ).toBe(4_000)
  expect(longestUntoldMs([], [])).toBeNull()
})

describe('the plan of faults', () => {
  const options = {
    ms: 600_000,
    perMinute: 12,
    regions: ['eu', 'us'],
    cores: ['core-1', 'core-2'],
    databases: ['cassandra'],
    disks: ['store', 'eu', 'us'],
    links: ['eu→core', 'us→core', 'core-1→eu', 'core-1→us', 'core-2→eu', 'core-2→us'],
  }

  it('is the same for the same seed, and another for another', () => {
    const plan = planFaults(new Random(7), options)
    expect(planFaults(new Random(7), options)).toEqual(plan)
    expect(planFaults(new Random(8), options)).not.toEqual(plan)
  })

  it('has at least ten faults a minute, of all kinds, and never both regions or both cores at once', () => {
    const plan = planFaults(new Random(7), options)
    expect(plan.length).toBeGreaterThanOrEqual(100)
    expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS))
    for (const names of [options.regions, options.cores]) {
      const these = plan.filter(({ target }) => names.includes(target))
      these.forEach((fault, i) => {
        expect(these.slice(i + 1).filter(({ at }) => at < fault.at + fault.ms)).toEqual([])
      })
    }
  })
})

test('data centers of Cassandra are written as a product or as a sum', () => {
  expect(['0', '1', '3', '2x3', '3+1'].map(parseTopology)).toEqual([[], [1], [1, 1, 1], [3, 3], [3, 1]])
  expect(['', '4', '2x', 'x3', '1+', '9x9'].map(parseTopology)).toEqual(Array(6).fill(null))
  expect(copiesOf([3, 1])).toEqual({ dc1: 3, dc2: 1 })
})

describe('the rows of two Cassandra nodes', () => {
  it('differ where one lacks a row or has another', () => {
    const one = new Map([
      ['home a', '1'],
      ['home b', '1'],
    ])
    const other = new Map([
      ['home a', '1'],
      ['home b', '2'],
      ['home c', '1'],
    ])
    expect(differences([one, other])).toEqual(['home b', 'home c'])
  })
})
