import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { PAYLOAD_BYTES_MIN } from './packets.ts'
import { WINDOW_MAX } from './pair.ts'
import { SYSTEMS, type SystemName } from './system.ts'

export type Options = {
  readonly mode: string
  readonly pairs: number
  /** Of the mode `idle`. */
  readonly clients: number
  readonly window: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly rate: number
  readonly payloadBytes: number
  readonly systems: readonly SystemName[]
  readonly qos: readonly (0 | 1)[]
  /** The subscribers' sessions outlive their connections. */
  readonly keepSessions: boolean
  /** At how many shadows `state` measures. */
  readonly shadows: readonly number[]
  /** For so many minutes the shadows of `state` are then changed while things break; 0 for none. */
  readonly chaosMinutes: number
  /** Of the mode `memory`. */
  readonly cases: readonly MemoryCase[]
  /** The folder of another checkout, whose Starling `memory` measures; null for this one. */
  readonly tree: string | null
  readonly json: boolean
}

/** As numbered in docs/benchmarks.md. */
export const MEMORY_CASES = ['5', '12', '19', '21'] as const
export type MemoryCase = (typeof MEMORY_CASES)[number]

export function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pairs: { type: 'string', default: '20' },
      clients: { type: 'string', default: '4000' },
      window: { type: 'string', default: '16' },
      seconds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '2' },
      rate: { type: 'string', default: '200' },
      payload: { type: 'string', default: '64' },
      only: { type: 'string', default: SYSTEMS.join(',') },
      qos: { type: 'string', default: '0,1' },
      'keep-sessions': { type: 'boolean', default: false },
      shadows: { type: 'string', default: '1000,100000' },
      chaos: { type: 'string', default: '0' },
      cases: { type: 'string', default: MEMORY_CASES.join(',') },
      tree: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  if (positionals.length > 1) throw new Error(`one mode at a time, not ${positionals.join(' and ')}`)
  return {
    mode: positionals[0] ?? 'pairs',
    pairs: whole('--pairs', values.pairs, 1, 10_000),
    clients: whole('--clients', values.clients, 1, 100_000),
    window: whole('--window', values.window, 1, WINDOW_MAX),
    seconds: whole('--seconds', values.seconds, 1, 3_600),
    warmUpSeconds: whole('--warm-up', values['warm-up'], 0, 3_600),
    rate: whole('--rate', values.rate, 1, 10_000),
    payloadBytes: whole('--payload', values.payload, PAYLOAD_BYTES_MIN, 8_192),
    systems: choices('--only', values.only, SYSTEMS),
    qos: choices('--qos', values.qos, ['0', '1'] as const).map((qos) => (qos === '0' ? 0 : 1)),
    keepSessions: values['keep-sessions'],
    shadows: values.shadows.split(',').map((count) => whole('--shadows', count, 1, 10_000_000)),
    chaosMinutes: whole('--chaos', values.chaos, 0, 24 * 60),
    cases: choices('--cases', values.cases, MEMORY_CASES),
    tree: values.tree === undefined ? null : resolve(values.tree),
    json: values.json,
  }
}

function whole(name: string, value: string, min: number, max: number): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new Error(`${name} must be a whole number from ${min} to ${max}`)
  }
  return number
}

/** In the order of `known`, each once. */
function choices<T extends string>(name: string, value: string, known: readonly T[]): T[] {
  const wanted = value.split(',').map((choice) => choice.trim())
  const strange = wanted.find((choice) => !known.some((one) => one === choice))
  if (strange !== undefined) throw new Error(`${name} knows ${known.join(', ')}, and not '${strange}'`)
  return known.filter((one) => wanted.includes(one))
}
