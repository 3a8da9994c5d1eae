#!/usr/bin/env node
// `npm run differential -- --seeds N [--seed S] [--regions eu,us] [--shrink]`: scripts against Starling and mosquitto; prints what differs.
import { parseArgs } from 'node:util'
import { FEATURES } from './features.ts'
import { runAll } from './run.ts'
import { type Script, scriptOf } from './script.ts'
import { shrink } from './shrink.ts'
import { findMosquitto, Mosquitto, Starling } from './target.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '0' },
    regions: { type: 'string', default: 'eu' },
    shrink: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})
const AT_ONCE = 6
const say = (text: string) => process.stdout.write(`${text}\n`)

const written = (script: Script) => script.steps.map((step, i) => `${i} ${JSON.stringify(step)}`).join('\n')

const command = await findMosquitto()
if (command === null) throw new Error('mosquitto is not installed')
const mosquitto = new Mosquitto(command, FEATURES)
const starling = await Starling.start(values.regions.split(','))
const first = Number(values.seed)
const met = new Map<string, number>()
let failures = 0
try {
  const scripts = Array.from({ length: Number(values.seeds) }, (_, i) => scriptOf(first + i, FEATURES))
  if (values.verbose) for (const script of scripts) say(written(script))
  const outcomes = await runAll(scripts, starling, mosquitto, AT_ONCE)
  for (const [i, outcome] of outcomes.entries()) {
    for (const name of outcome.met) met.set(name, (met.get(name) ?? 0) + 1)
    if (outcome.failure === null) continue
    failures++
    say(outcome.failure.text)
    if (!values.shrink) continue
    const shorter = await shrink(scripts[i] as Script, starling, mosquitto)
    say(`cut down to:\n${written(shorter)}`)
  }
} finally {
  await starling.stop()
}
say(`${values.seeds} scripts, ${failures} that differ; allowed differences, with the scripts that met them:`)
for (const [name, count] of met) say(`  ${name}: ${count}`)
process.exitCode = failures > 0 ? 1 : 0
