// `npm run sim -- --seeds N [--seed S] [--faults roam,freezes] [--trace] [--calls]`: runs seeds in two processes and prints
// those that break a promise. Seeds count on from S; with --trace the readable history, with --calls every call in it.
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { FAULT_KINDS, type FaultKind, FULL_DISKS, RESTORE } from './faults.ts'
import { type Outcome, runSeed, type Settings } from './scenario.ts'

const PROCESSES = 2
const ALL_KINDS: readonly FaultKind[] = [...FAULT_KINDS, RESTORE, FULL_DISKS]

interface Sum {
  seeds: number
  bad: number
  events: number
  published: number
  delivered: number
  faults: number
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    /** Only every so many: what one of several processes does. */
    step: { type: 'string' },
    /** These kinds of faults, instead of those that each seed says. */
    faults: { type: 'string' },
    trace: { type: 'boolean', default: false },
    calls: { type: 'boolean', default: false },
  },
})

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function settings(): Settings {
  const names = values.faults?.split(',').filter((name) => name !== '')
  if (names === undefined) return { verbose: values.calls }
  const strange = names.filter((name) => !ALL_KINDS.some((kind) => kind === name))
  if (strange.length > 0) throw new Error(`no fault ${strange.join(', ')}; there is ${ALL_KINDS.join(', ')}`)
  return { verbose: values.calls, kinds: ALL_KINDS.filter((kind) => names.includes(kind)) }
}

function report({ seed, kinds, breaches }: Outcome): void {
  print(`seed ${seed} breaks ${[...new Set(breaches.map(({ broken }) => broken))].join(', ')}`)
  print(`  with ${kinds.length === 0 ? 'no faults' : kinds.join(', ')}`)
  for (const { broken, what } of breaches.slice(0, 3)) print(`  ${broken}: ${what}`)
  const faults = values.faults === undefined ? '' : ` --faults '${values.faults}'`
  print(`  npm run -s sim -- --seed ${seed}${faults} --trace`)
}

async function run(first: number, count: number, step: number): Promise<Sum> {
  const sum: Sum = { seeds: 0, bad: 0, events: 0, published: 0, delivered: 0, faults: 0 }
  for (let seed = first; seed < first + count; seed += step) {
    const outcome = await runSeed(seed, settings())
    if (values.trace) print(outcome.notes.join('\n'))
    if (outcome.breaches.length > 0) report(outcome)
    sum.seeds++
    sum.bad += outcome.breaches.length > 0 ? 1 : 0
    sum.events += outcome.events
    sum.published += outcome.published
    sum.delivered += outcome.delivered
    sum.faults += outcome.faults
  }
  return sum
}

/** Each process takes every second seed, so that both have the same to do. */
async function runSideBySide(first: number, count: number): Promise<Sum> {
  const sums = await Promise.all(
    Array.from(
      { length: PROCESSES },
      (_, i) =>
        new Promise<Sum>((done, failed) => {
          const given = [
            '--seed',
            String(first + i),
            '--seeds',
            String(count - i),
            '--step',
            String(PROCESSES),
            ...(values.faults === undefined ? [] : ['--faults', values.faults]),
          ]
          const child = fork(import.meta.filename, given)
          child.once('message', (sum) => done(sum as Sum))
          child.once('exit', (code) => failed(new Error(`a process ended with ${code}`)))
        }),
    ),
  )
  const names = ['seeds', 'bad', 'events', 'published', 'delivered', 'faults'] as const
  return Object.fromEntries(
    names.map((name) => [name, sums.reduce((sum, one) => sum + one[name], 0)]),
  ) as Sum & Record<string, number>
}

const first = Number(values.seed ?? 1)
const count = Number(values.seeds ?? (values.seed === undefined ? 1_000 : 1))
if (values.step !== undefined) {
  process.send?.(await run(first, count, Number(values.step)))
} else {
  const begin = performance.now()
  const sum = count < 20 ? await run(first, count, 1) : await runSideBySide(first, count)
  const each = (n: number) => (n / sum.seeds).toFixed(1)
  print(
    `${sum.seeds} seeds, ${sum.bad} break a promise; ${((sum.seeds * 1000) / (performance.now() - begin)).toFixed(0)} seeds/s;` +
      ` each ${each(sum.events)} events, ${each(sum.published)} publishes, ${each(sum.delivered)} deliveries, ${each(sum.faults)} faults`,
  )
  process.exitCode = sum.bad > 0 ? 1 : 0
}
