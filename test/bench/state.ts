// The mode `state`: updates and reads of shadows over HTTP, and what an update costs in storage and in Cassandra, at few
// shadows and at many.
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { abreast, abreastFor, ShadowFleet } from '../chaos/shadow-fleet.ts'
import { breakShadows, type ShadowsResult } from '../chaos/shadows.ts'
import { KEYSPACE, World } from '../chaos/world.ts'
import type { Bench, Outcome } from './mode.ts'
import { type Quantiles, Samples } from './samples.ts'
import { figure, table } from './table.ts'

const COUNTING_WORKER = resolve(import.meta.dirname, '../idle/counting-worker.ts')
const REGION = 'eu'
const REGIONS = [REGION, 'us']
const FAULTS_PER_MINUTE = 12
/** Each of so many shadows is changed once, so that no two changes share a sync. */
const COSTED = 1_000
const QUIET_MS = 3_000
const QUIET_MS_MAX = 120_000
/** Between the smallest and the largest number of shadows. */
const COST_RATIO_MAX = 1.2

type Cost = { readonly storageRows: number; readonly alarms: number; readonly cassandraRows: number }
type Measured = {
  readonly shadows: number
  readonly makeSeconds: number
  readonly updatesPerSecond: number
  readonly updateMs: Quantiles | null
  readonly readsPerSecond: number
  readonly readMs: Quantiles | null
  readonly failed: number
  readonly lastFailure: string
  /** Of an update. */
  readonly cost: Cost
}

export async function stateMode({ options, reports, say, children }: Bench): Promise<Outcome> {
  const world = await World.start({
    regions: REGIONS,
    cores: 2,
    cassandra: [1],
    worker: COUNTING_WORKER,
    disks: false,
    logs: join(reports, 'bench-state'),
  })
  try {
    const fleet = new ShadowFleet(world)
    const measured: Measured[] = []
    for (const shadows of [...options.shadows].sort((a, b) => a - b)) {
      if (children.interrupted) break
      say(`making ${shadows} shadows`)
      const from = performance.now()
      await fleet.grow(shadows, REGION)
      const makeSeconds = (performance.now() - from) / 1000
      await quiet(world)
      say(`measuring at ${shadows} shadows`)
      measured.push({
        shadows,
        makeSeconds,
        ...(await rates(fleet, shadows, options.seconds)),
        cost: await costOf(world, fleet, shadows),
      })
    }
    const report = { measured, broken: null as ShadowsResult | null }
    const failures = faults(measured)
    if (options.chaosMinutes > 0 && !children.interrupted) {
      report.broken = await breakShadows(world, fleet, {
        seed: Date.now() % 1_000_000,
        ms: options.chaosMinutes * 60_000,
        faultsPerMinute: FAULTS_PER_MINUTE,
        regions: REGIONS,
        say,
      })
      failures.push(...report.broken.failures)
    }
    return { report, text: text(measured, options.seconds, report.broken), failures }
  } finally {
    await world.stop()
  }
}

async function rates(fleet: ShadowFleet, shadows: number, seconds: number) {
  const updates = new Samples()
  const reads = new Samples()
  let failed = 0
  let updated = 0
  let read = 0
  const any = () => Math.floor(Math.random() * shadows)
  const updating = await abreastFor(seconds * 1000, async () => {
    let i = any()
    while (fleet.known[i]?.busy === true) i = any()
    const from = performance.now()
    if (!(await fleet.update(i, REGION))) failed++
    else updated++
    updates.add(performance.now() - from)
  })
  const reading = await abreastFor(seconds * 1000, async () => {
    const from = performance.now()
    if ((await fleet.read(any(), REGION)) === null) failed++
    else read++
    reads.add(performance.now() - from)
  })
  return {
    updatesPerSecond: updated / updating,
    updateMs: updates.quantiles(),
    readsPerSecond: read / reading,
    readMs: reads.quantiles(),
    failed,
    lastFailure: fleet.lastFailure,
  }
}

async function costOf(world: World, fleet: ShadowFleet, shadows: number): Promise<Cost> {
  const before = await quiet(world)
  const step = Math.max(1, Math.floor(shadows / COSTED))
  const count = Math.min(shadows, COSTED)
  await abreast(count, async (i) => {
    if (!(await fleet.update(i * step, REGION))) throw new Error('an update was refused')
  })
  const after = await quiet(world)
  return {
    storageRows: (after.rows - before.rows) / count,
    alarms: (after.alarms - before.alarms) / count,
    cassandraRows: (after.cassandraRows - before.cassandraRows) / count,
  }
}

/** All that there is to sync is synced: nothing is written any more. */
async function quiet(world: World) {
  let last = await counts(world)
  for (let waited = 0; waited < QUIET_MS_MAX; waited += QUIET_MS) {
    await sleep(QUIET_MS)
    const now = await counts(world)
    if (now.rows === last.rows && now.cassandraRows === last.cassandraRows) return now
    last = now
  }
  throw new Error('something is written all the time')
}

/** Rows that the region's actors wrote, indexes included, their alarms, and rows that Cassandra wrote to the core's tables. */
async function counts(world: World): Promise<{ rows: number; alarms: number; cassandraRows: number }> {
  const response = await fetch(`${world.httpUrl(REGION)}/counts`)
  const { rows, alarms } = (await response.json()) as { rows: number; alarms: number }
  return { rows, alarms, cassandraRows: (await world.cassandra[0]?.written(KEYSPACE)) ?? 0 }
}

function faults(measured: readonly Measured[]): string[] {
  const found = measured
    .filter(({ failed }) => failed > 0)
    .map(
      ({ shadows, failed, lastFailure }) =>
        `${failed} requests failed at ${shadows} shadows, the last: ${lastFailure}`,
    )
  const [few, many] = [measured[0], measured.at(-1)]
  for (const what of ['storageRows', 'cassandraRows'] as const) {
    const ratio = (many?.cost[what] ?? 0) / (few?.cost[what] ?? 1)
    if (ratio > COST_RATIO_MAX)
      found.push(`an update costs ${ratio.toFixed(2)} times the ${what} at ${many?.shadows} shadows`)
  }
  return found
}

function text(measured: readonly Measured[], seconds: number, broken: ShadowsResult | null): string {
  const rows = measured.map(
    ({ shadows, updatesPerSecond, updateMs, readsPerSecond, readMs, cost, makeSeconds }) => [
      shadows.toLocaleString('en'),
      ...[updatesPerSecond, updateMs?.p50, updateMs?.p99, readsPerSecond, readMs?.p50, readMs?.p99].map(
        figure,
      ),
      ...[cost.storageRows, cost.alarms, cost.cassandraRows, makeSeconds].map(figure),
    ],
  )
  const heading = [
    'shadows',
    'updates/s',
    'p50 ms',
    'p99 ms',
    'reads/s',
    'p50 ms',
    'p99 ms',
    'rows/update',
    'alarms/update',
    'Cassandra rows/update',
    'made in s',
  ]
  return `Shadows over HTTP, ${seconds} s of each, at random among all; rows are those of ${COSTED} updates of different shadows, until
all was synced: what the actors wrote to their storage, and what Cassandra wrote to the core's tables.

${table([heading, ...rows])}${broken === null ? '' : `\n\nThen, while things broke: ${JSON.stringify(broken)}`}`
}
