#!/usr/bin/env node
// `npm run differential -- --seeds N [--seed S]`: scripts against Starling and mosquitto; prints what differs.
import { parseArgs } from 'node:util'
import { FEATURES } from './features.ts'
import { run } from './run.ts'
import { scriptOf } from './script.ts'
import { findMosquitto, Mosquitto, Starling } from './target.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '0' },
    verbose: { type: 'boolean', default: false },
  },
})
const say = (text: string) => process.stdout.write(`${text}\n`)

const command = await findMosquitto()
if (command === null) throw new Error('mosquitto is not installed')
const mosquitto = new Mosquitto(command, FEATURES)
const starling = await Starling.start()
const first = Number(values.seed)
const met = new Map<string, number>()
let failures = 0
try {
  for (let seed = first; seed < first + Number(values.seeds); seed++) {
    const script = scriptOf(seed, FEATURES)
    if (values.verbose) say(script.steps.map((step, i) => `${i} ${JSON.stringify(step)}`).join('\n'))
    const outcome = await run(script, starling, mosquitto)
    for (const name of outcome.met) met.set(name, (met.get(name) ?? 0) + 1)
    if (outcome.failure === null) continue
    failures++
    say(outcome.failure.text)
  }
} finally {
  await starling.stop()
}
say(`${values.seeds} scripts, ${failures} that differ; allowed differences, with the scripts that met them:`)
for (const [name, count] of met) say(`  ${name}: ${count}`)
process.exitCode = failures > 0 ? 1 : 0
