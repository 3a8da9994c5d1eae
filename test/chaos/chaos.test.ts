// A short chaos run in every test run: two regions, two core processes, a handful of faults, the same judges.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Result, runChaos } from './chaos.ts'
import { chaosPage, FAULT_COLOURS } from './page.ts'

const LOAD_MS = 20_000
const RUN_MS_MAX = 240_000

let logs: string
let result: Result
beforeAll(async () => {
  logs = await mkdtemp(path.join(tmpdir(), 'starling-chaos-logs-'))
  result = await runChaos({
    seed: 11,
    ms: LOAD_MS,
    faultsPerMinute: 18,
    regions: ['eu', 'us'],
    cores: 2,
    cassandra: [],
    rate: 200,
    // Moving clients under faults have the roaming tests of their own, and `npm run chaos`.
    roamers: 0,
    logs,
    say: () => undefined,
  })
}, RUN_MS_MAX)
afterAll(() => rm(logs, { recursive: true, force: true }))

describe('twenty seconds of faults at random, in both directions between two regions and two core processes', () => {
  it('have some faults and much that was acknowledged', () => {
    expect(result.faults.length).toBeGreaterThanOrEqual(4)
    expect(result.verdict.acknowledged).toBeGreaterThan(500)
    expect(result.verdict.expected).toBeGreaterThan(result.verdict.acknowledged)
  })

  it('lose nothing that was acknowledged', () => {
    expect(result.verdict.lost, result.explanations.join('\n')).toEqual([])
    expect([result.sessionsLost, result.verdict.unanswered]).toEqual([[], 0])
  })

  it('keep the order of each publisher and root, at every subscriber', () => {
    expect(result.verdict.inversions, result.explanations.join('\n')).toEqual([])
  })

  it('leave one connection for each client id, whose connects race in two regions', () => {
    expect(result.doubles).toEqual([])
    expect(result.unsettled).toEqual([])
    expect(result.races).toBeGreaterThan(0)
  })

  it('are drawn: a lane for each process and link, a mark for each fault, a bar for each second', () => {
    const page = chaosPage(result)
    for (const target of ['eu', 'us', 'core-1', 'core-2', 'eu→core', 'core-2→us'])
      expect(page).toContain(`text-anchor="end">${target}</text>`)
    const marks = page.match(/<title>(kill|hold|cut|cut off|blackhole|delay|disk full) /g) ?? []
    expect(marks.length).toBeGreaterThanOrEqual(result.faults.length)
    expect(page.match(/fill="#2a7f62"\/>/g)).toHaveLength(result.seconds.length)
    expect(page).toContain('every promise kept')
    expect(page).not.toMatch(/NaN|undefined|Infinity|src=|href=/)
    for (const colour of Object.values(FAULT_COLOURS)) expect(page).toContain(colour)
  })
})
