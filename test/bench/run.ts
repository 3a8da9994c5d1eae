/**
 * The benchmark: Starling, and in the same run what people would use instead, mosquitto and aedes, over WebSocket.
 *
 *   npm run bench -- [pairs] [--pairs 20] [--window 16] [--seconds 5] [--warm-up 2] [--rate 200] [--payload 64]
 *                    [--only starling,mosquitto,aedes] [--qos 0,1] [--keep-sessions] [--json]
 *   npm run bench -- idle [--clients 4000] [--seconds 5] [--only …]   what silent clients cost
 *   npm run bench -- connect --clients 200                            CPU of a connection, beside a bare actor's
 *   npm run bench -- state [--shadows 1000,100000] [--seconds 5]      shadows, and what an update costs; with `--chaos 5`
 *                    then, with the same shadows, five minutes of `npm run chaos -- --shadows`, since making many takes long
 *   npm run bench -- memory [--cases 5,12,19,21] [--tree ../older]    the most memory that an edge takes under what could fill it
 *
 * With clean sessions a QoS 1 message is done once it is on its way; with `--keep-sessions` its subscriber must have it.
 * Everything runs on this machine, so only figures of one run may be compared. Every message is accounted for: the run
 * fails if QoS 1 lost or reordered one. Leaves `reports/bench.json` and the servers' logs.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { arch, cpus, platform, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Children } from '../load/children.ts'
import { connectMode } from './connect.ts'
import { idleMode } from './idle.ts'
import { memoryMode } from './memory.ts'
import type { Mode } from './mode.ts'
import { readOptions } from './options.ts'
import { pairsMode } from './pairs.ts'
import { stateMode } from './state.ts'

const REPORTS = resolve(import.meta.dirname, '../../reports')

const MODES: Readonly<Record<string, Mode>> = {
  pairs: pairsMode,
  idle: idleMode,
  state: stateMode,
  connect: connectMode,
  memory: memoryMode,
}

async function main(): Promise<number> {
  const options = readOptions()
  const mode = Object.hasOwn(MODES, options.mode) ? MODES[options.mode] : undefined
  if (mode === undefined)
    throw new Error(`no mode '${options.mode}'; there is ${Object.keys(MODES).join(', ')}`)
  const children = new Children()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => children.interrupt())

  const scratch = await mkdtemp(join(tmpdir(), 'starling-bench-'))
  try {
    await mkdir(REPORTS, { recursive: true })
    // What is under way goes to stderr: stdout has the result only, for a pipe.
    const say = (line: string): boolean => process.stderr.write(`${line}\n`)
    const { report, text, failures } = await mode({ options, children, scratch, reports: REPORTS, say })
    const machine = { node: process.version, platform: platform(), arch: arch(), processors: cpus().length }
    const whole = { mode: options.mode, at: new Date().toISOString(), machine, options, report, failures }
    const json = `${JSON.stringify(whole, null, 2)}\n`
    await writeFile(join(REPORTS, 'bench.json'), json)
    process.stdout.write(options.json ? json : `\n${text}\n`)
    for (const failure of failures) process.stderr.write(`failed: ${failure}\n`)
    return failures.length === 0 && !children.interrupted ? 0 : 1
  } finally {
    await children.endAll()
    await rm(scratch, { recursive: true, force: true })
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
