// `npm run sim -- --seeds N [--seed S] [--trace]`: runs seeds side by side and prints those that break a promise.

import { parseArgs } from 'node:util'
import { World } from './world.ts'
import { runSeed } from './scenario.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    calls: { type: 'boolean', default: false },
  },
})
process.on('unhandledRejection', (cause) => {
  process.stdout.write(`unhandled ${String((cause as Error)?.stack)}\n`)
})
const first = Number(values.seed ?? 1)
const count = Number(values.seeds ?? (values.seed === undefined ? 1000 : 1))
World.verbose = values.calls
const begin = performance.now()
let events = 0,
  published = 0,
  delivered = 0,
  faults = 0,
  bad = 0
for (let seed = first; seed < first + count; seed++) {
  const outcome = await runSeed(seed)
  events += outcome.events
  published += outcome.published
  delivered += outcome.delivered
  faults += outcome.faults
  if (values.trace) process.stdout.write(`${outcome.notes.join('\n')}\n`)
  if (outcome.breaches.length > 0) {
    bad++
    process.stdout.write(`seed ${seed} [${outcome.kinds.join(', ')}]\n`)
    for (const { broken, what } of outcome.breaches.slice(0, 4))
      process.stdout.write(`  ${broken}: ${what}\n`)
  }
}
const seconds = (performance.now() - begin) / 1000
process.stdout.write(
  `${count} seeds, ${bad} bad, ${(count / seconds).toFixed(1)}/s; each: ${(events / count).toFixed(0)} events, ${(published / count).toFixed(0)} published, ${(delivered / count).toFixed(0)} delivered, ${(faults / count).toFixed(1)} faults\n`,
)
