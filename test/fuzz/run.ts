/**
 * The fuzz run: every property of `properties.ts` over many generated cases, in two worker threads.
 *
 *   npm run fuzz -- [--seed N] [--cases 1000000] [--only name,name] [--workers 2]
 *   npm run fuzz -- --only name --replay seed:path
 *
 * The seed is printed; a run with the same seed and number tries the same cases. A case that fails, or takes more than
 * 10 s, is printed with the command that tries it again, and ends the run with 1.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { batchesOf, type Failure, type Fuzz } from './fuzz.ts'
import { type Failed, runBatches } from './pool.ts'
import { PROPERTIES } from './properties.ts'

const HANG_MS = 10_000

function whole(name: string, value: string, min: number, max: number): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new Error(`${name} must be a whole number from ${min} to ${max}`)
  }
  return number
}

function chosen(only: string | undefined): readonly Fuzz[] {
  if (only === undefined) return PROPERTIES
  const names = only.split(',')
  const strange = names.find((name) => !PROPERTIES.some((one) => one.name === name))
  if (strange !== undefined) {
    throw new Error(`no property '${strange}'; there is ${PROPERTIES.map(({ name }) => name).join(', ')}`)
  }
  return PROPERTIES.filter(({ name }) => names.includes(name))
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`)

function report({ name, failure }: Failed): void {
  say(`\nfailed: ${name}\n${failure.error}\ncase: ${failure.counterexample}`)
  say(`again: node test/fuzz/run.ts --only ${name} --replay ${failure.replay}`)
}

function replay(properties: readonly Fuzz[], path: string): number {
  const [property, ...more] = properties
  if (property === undefined || more.length > 0) throw new Error('--replay needs --only with one property')
  const failure: Failure | null = property.replay(path)
  if (failure === null) say(`${property.name} holds at ${path}`)
  else report({ name: property.name, failure })
  return failure === null ? 0 : 1
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      cases: { type: 'string', default: '1000000' },
      only: { type: 'string' },
      workers: { type: 'string', default: '2' },
      replay: { type: 'string' },
    },
  })
  const properties = chosen(values.only)
  if (values.replay !== undefined) return replay(properties, values.replay)
  const seed = whole('--seed', values.seed ?? `${randomInt(0x7fffffff)}`, 0, 0x7fffffff)
  const cases = whole('--cases', values.cases, 1, 1_000_000_000)
  const workers = whole('--workers', values.workers, 1, 64)

  say(`seed ${seed}`)
  const figures = new Map(properties.map(({ name }) => [name, { cases: 0, ms: 0 }]))
  const start = performance.now()
  const failed = await runBatches(batchesOf(properties, seed, cases), {
    module: new URL('./properties.ts', import.meta.url).href,
    properties,
    workers,
    hangMs: HANG_MS,
    done: ({ batch, ms, failure }) => {
      const one = figures.get(batch.name)
      if (one === undefined || failure !== null) return
      one.cases += batch.cases
      one.ms += ms
    },
  })
  const seconds = (performance.now() - start) / 1000
  let total = 0
  for (const [name, one] of figures) {
    total += one.cases
    const rate = one.ms === 0 ? 0 : Math.round((one.cases / one.ms) * 1000)
    say(`${name.padEnd(20)} ${String(one.cases).padStart(9)} cases ${String(rate).padStart(8)} cases/s`)
  }
  const rate = Math.round(total / seconds)
  say(`${'total'.padEnd(20)} ${String(total).padStart(9)} cases ${String(rate).padStart(8)} cases/s`)
  say(`${seconds.toFixed(1)} s, ${workers} workers, seed ${seed}`)
  if (failed === null) return 0
  report(failed)
  return 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
