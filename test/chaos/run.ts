/**
 * The chaos run: real regions, core processes, Cassandra and clients, with faults at random; the promises are judged.
 *
 *   npm run chaos -- [--minutes 10] [--seed N] [--regions 2] [--rate 600] [--faults 12] [--roamers 3] [--cassandra 1]
 *
 *   npm run chaos -- --cassandra 2x3  two data centers of three nodes, one of these killed for two fifths of the run; also
 *                                     3+1 and, for one node in each of three, 3; with `--consistency local-quorum` no sync
 *                                     waits for the other data center
 *   npm run chaos -- --cassandra 0    the cores share an embedded store, whose disk is full now and then
 *   npm run chaos -- --kinds 'disk full,kill'
 *   npm run chaos -- --shadows 100000 --minutes 5   shadows are changed under faults; then Cassandra must have all within 5 s.
 *                                     With `--per-device 20` they are named ones, which are made faster
 *   npm run chaos -- --cut 10         the core link of a region is cut for ten minutes
 *
 * Leaves `reports/chaos/index.html` and `result.json`; ends with 0 only if nothing was lost, inverted or connected twice.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { SYNC_CONSISTENCIES } from '../../k8s-core/store/cassandra-levels.ts'
import { runChaos } from './chaos.ts'
import { runCut } from './cut.ts'
import { parseTopology } from './database.ts'
import { FAULT_KINDS } from './faults.ts'
import { chaosPage } from './page.ts'
import { runShadows } from './shadows.ts'

const REPORTS = path.join(import.meta.dirname, '../../reports/chaos')
const REGIONS = ['eu', 'us', 'ap']

const say = (line: string) => process.stdout.write(`${line}\n`)

function number(text: string, name: string, low: number, high: number): number {
  const value = Number(text)
  if (!(value >= low && value <= high)) throw new Error(`--${name}: ${low} to ${high}`)
  return value
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      regions: { type: 'string', default: '2' },
      rate: { type: 'string', default: '600' },
      faults: { type: 'string', default: '12' },
      roamers: { type: 'string', default: '3' },
      kinds: { type: 'string' },
      shadows: { type: 'string' },
      'per-device': { type: 'string', default: '1' },
      cut: { type: 'string' },
      cassandra: { type: 'string', default: '1' },
      consistency: { type: 'string', default: SYNC_CONSISTENCIES[0] },
    },
  })
  const cassandra = parseTopology(values.cassandra)
  if (cassandra === null)
    throw new Error('--cassandra: 0, 1, 3, or data centers of 1 to 3 nodes as 2x3 or 3+1')
  let interrupts = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      interrupts++
    })
  }
  if (values.cut !== undefined) {
    await mkdir(REPORTS, { recursive: true })
    const cut = await runCut({
      minutes: number(values.cut, 'cut', 0.2, 600),
      cassandra,
      logs: REPORTS,
      say,
    })
    await writeFile(path.join(REPORTS, 'cut.json'), `${JSON.stringify(cut, null, 2)}\n`)
    say(JSON.stringify(cut, null, 2))
    return cut.failures.length + cut.tooSlow.length === 0 ? 0 : 1
  }
  const seed = number(values.seed, 'seed', 0, 2 ** 32)
  say(`seed ${seed}`)
  await mkdir(REPORTS, { recursive: true })
  if (values.shadows !== undefined) {
    const shadows = await runShadows({
      seed,
      shadows: number(values.shadows, 'shadows', 1, 10_000_000),
      perDevice: number(values['per-device'], 'per-device', 1, 100),
      ms: number(values.minutes, 'minutes', 0.2, 24 * 60) * 60_000,
      faultsPerMinute: number(values.faults, 'faults', 0, 60),
      regions: REGIONS.slice(0, number(values.regions, 'regions', 2, 3)),
      cores: 2,
      cassandra,
      logs: REPORTS,
      say,
    })
    await writeFile(path.join(REPORTS, 'shadows.json'), `${JSON.stringify(shadows, null, 2)}\n`)
    say(JSON.stringify(shadows, null, 2))
    return shadows.failures.length === 0 ? 0 : 1
  }
  const result = await runChaos(
    {
      seed,
      ms: number(values.minutes, 'minutes', 0.2, 24 * 60) * 60_000,
      faultsPerMinute: number(values.faults, 'faults', 0, 60),
      regions: REGIONS.slice(0, number(values.regions, 'regions', 2, 3)),
      cores: 2,
      cassandra,
      consistency: z.enum(SYNC_CONSISTENCIES).parse(values.consistency),
      rate: number(values.rate, 'rate', 10, 5_000),
      roamers: number(values.roamers, 'roamers', 0, 100),
      ...(values.kinds !== undefined && {
        kinds: z.array(z.enum(FAULT_KINDS)).parse(values.kinds.split(',')),
      }),
      logs: REPORTS,
      say,
    },
    () => interrupts > 0,
  )
  await writeFile(path.join(REPORTS, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
  await writeFile(path.join(REPORTS, 'index.html'), chaosPage(result))
  for (const text of result.explanations) say(text)
  const { verdict, recovered } = result
  say(
    `${verdict.published} published, ${verdict.acknowledged} acknowledged (${verdict.acknowledgedQos1} at QoS 1), ${verdict.expected} deliveries owed, ${verdict.lost.length} lost, ${verdict.inversions.length} out of order (${verdict.concededInversions.length} of roaming clients and ${verdict.lateInversions.length} late ones of lost homes conceded), ${verdict.duplicatesQos1} and ${verdict.duplicatesQos2} duplicates at QoS 1 and 2; ${result.doubles.length} double connections in ${result.races}; ${result.faults.length} faults`,
  )
  say(`refusals ${JSON.stringify(result.refusals)}`)
  say(
    `${result.failOvers} fail-overs, a former home untold for at most ${result.longestUntoldMs} ms when nothing prevented it`,
  )
  say(
    `recovery ${JSON.stringify(recovered)}, drained in ${result.drainMs} ms, Cassandra ${JSON.stringify(result.converged)}`,
  )
  say(`report: ${path.join(REPORTS, 'index.html')}`)
  for (const failure of result.failures) say(`failed: ${failure}`)
  return result.failures.length === 0 && interrupts === 0 ? 0 : 1
}

// Explicitly: a handle that does not close would keep Node busy at its end for ever.
try {
  process.exit(await main())
} catch (error) {
  process.stderr.write(`chaos: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
}
