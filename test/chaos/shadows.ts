// Many shadows changed while processes are killed and links cut; then quiet, and Cassandra must soon have what each home has.
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { decodeShadow } from '../../src/shadow/document.ts'
import { Random } from '../random/random.ts'
import { allRows, asking, type CassandraPart, type Topology } from './database.ts'
import { describeFault, type Happened, inflict, planFaults } from './faults.ts'
import { abreast, abreastFor, ShadowFleet } from './shadow-fleet.ts'
import { KEYSPACE, World } from './world.ts'

const CONVERGE_MS_ALLOWED = 5_000
const CONVERGE_MS_MAX = 120_000
const PAUSE_AFTER_FAILURE_MS = 50
const READ_TRIES_MAX = 20
const WRONG_TOLD_MAX = 5
/** More than these are looked for among all rows. */
const ASKED_SINGLY_MAX = 2_000

export interface Breaking {
  readonly seed: number
  readonly ms: number
  readonly faultsPerMinute: number
  readonly regions: readonly string[]
  readonly say: (line: string) => void
}

export interface ShadowsOptions extends Breaking {
  readonly shadows: number
  /** How many of them a device has. */
  readonly perDevice: number
  readonly cores: number
  readonly cassandra: Topology
  readonly logs: string
}

export interface ShadowsResult {
  readonly seed: number
  readonly shadows: number
  readonly faults: number
  readonly updated: number
  readonly notConfirmed: number
  /** From the last answer, everything healed, until a look at Cassandra found all that was confirmed. */
  readonly convergedMs: number
  /** How long the longest look took: the first reads everything. */
  readonly lookMs: number
  /** Of shadows that were changed, how many are not the same in Cassandra and at their home. */
  readonly different: number
  /** Confirmed updates that the home does not have. */
  readonly lost: number
  readonly failures: readonly string[]
}

interface Stored {
  readonly version: number
  readonly n: number
}

export async function runShadows(options: ShadowsOptions): Promise<ShadowsResult> {
  const { say, regions, shadows } = options
  const world = await World.start({ ...options, disks: false })
  try {
    const fleet = new ShadowFleet(world, options.perDevice)
    say(`making ${shadows} shadows`)
    const from = Date.now()
    await fleet.grow(shadows, regions[0] ?? '')
    say(`made in ${((Date.now() - from) / 1000).toFixed(1)} s`)
    return await breakShadows(world, fleet, options)
  } finally {
    await world.stop()
  }
}

/** Changes a fleet's shadows, all of which are at home in the first region, while things break. */
export async function breakShadows(
  world: World,
  fleet: ShadowFleet,
  options: Breaking,
): Promise<ShadowsResult> {
  const { say, regions, seed } = options
  const home = regions[0] ?? ''
  const shadows = fleet.known.length
  const random = new Random(seed)
  const plan = planFaults(random, {
    ms: options.ms,
    perMinute: options.faultsPerMinute,
    regions,
    cores: world.parts.map(({ name }) => name).filter((name) => name.startsWith('core-')),
    databases: world.cassandra.length === 1 ? world.cassandra.map(({ name }) => name) : [],
    links: world.links.map(({ name }) => name),
    disks: [],
  })
  for (const fault of plan) say(describeFault(fault))
  const happened: Happened[] = []
  const changed = new Set<number>()
  let updated = 0
  let notConfirmed = 0
  const faults = inflict(world, plan, happened, () => false)
  await abreastFor(options.ms, async () => {
    const i = Math.floor(random.next() * shadows)
    if (fleet.known[i]?.busy === true) return
    changed.add(i)
    // The home is asked through the core by every other region.
    if (await fleet.update(i, random.pick(regions))) updated++
    else {
      notConfirmed++
      await sleep(PAUSE_AFTER_FAILURE_MS)
    }
  })
  const quietAt = Date.now()
  await faults
  // A part that starts again, or a link that heals, is no quiet yet.
  const healedAt = Math.max(quietAt, ...happened.map((fault) => fault.healedAt))
  say(`${updated} updates confirmed, ${notConfirmed} not; quiet`)
  const { convergedMs, lookMs } = await converge(world, fleet, changed, healedAt)
  say(`Cassandra has all that was confirmed ${convergedMs} ms after; asking the homes`)
  const wrong: string[] = []
  let different = 0
  let lost = 0
  const list = [...changed]
  const atHome = new Map<number, Stored | null>()
  await abreast(list.length, async (at) => {
    const i = list[at] ?? 0
    atHome.set(i, await readPatiently(fleet, i, home))
  })
  // Updates that were not confirmed may have been made all the same: those too are in Cassandra by now.
  const settled = await storedShadows(world)
  for (const [i, one] of atHome) {
    const inStore = settled.get(keyOf(fleet.root(i), fleet.path(i)))
    const known = fleet.known[i]
    if (one === null || one.version < (known?.version ?? 0) || one.n < (known?.n ?? 0)) lost++
    else if (inStore?.version === one.version && inStore.n === one.n) continue
    else different++
    if (wrong.length < WRONG_TOLD_MAX)
      wrong.push(`${fleet.root(i)}/${fleet.path(i)}: ${JSON.stringify({ known, atHome: one, inStore })}`)
  }
  const failures = [...wrong]
  if (convergedMs > CONVERGE_MS_ALLOWED) failures.push(`Cassandra had all after ${convergedMs} ms`)
  if (lost > 0) failures.push(`${lost} shadows lack a confirmed update`)
  if (different > 0) failures.push(`${different} shadows differ between home and Cassandra`)
  if (updated === 0) failures.push('nothing was updated')
  const faultCount = happened.length
  return {
    seed,
    shadows,
    faults: faultCount,
    updated,
    notConfirmed,
    convergedMs,
    lookMs,
    different,
    lost,
    failures,
  }
}

/** Looks at all rows, then at those that were behind, until each shadow is there at least as it was last confirmed. */
async function converge(world: World, fleet: ShadowFleet, changed: ReadonlySet<number>, from: number) {
  let behind = [...changed]
  let lookMs = 0
  for (;;) {
    const began = Date.now()
    const stored =
      behind.length > ASKED_SINGLY_MAX ? await storedShadows(world) : await storedOf(world, fleet, behind)
    const ended = Date.now()
    lookMs = Math.max(lookMs, ended - began)
    behind = behind.filter(
      (i) => (stored.get(keyOf(fleet.root(i), fleet.path(i)))?.version ?? 0) < (fleet.known[i]?.version ?? 0),
    )
    // What a look that began then found was there by its end.
    if (behind.length === 0 || ended - from > CONVERGE_MS_MAX)
      return { convergedMs: Math.max(0, ended - from), lookMs }
  }
}

async function storedShadows(world: World): Promise<Map<string, Stored>> {
  return asking(nodeOf(world), KEYSPACE, async (client) => {
    const stored = new Map<string, Stored>()
    for await (const row of allRows(client, `SELECT root, path, shadow FROM ${KEYSPACE}.root_shadow`))
      stored.set(keyOf(String(row.root), String(row.path)), storedOne(row.shadow))
    return stored
  })
}

async function storedOf(
  world: World,
  fleet: ShadowFleet,
  some: readonly number[],
): Promise<Map<string, Stored>> {
  return asking(nodeOf(world), KEYSPACE, async (client) => {
    const stored = new Map<string, Stored>()
    await abreast(some.length, async (at) => {
      const [root, path] = [fleet.root(some[at] ?? 0), fleet.path(some[at] ?? 0)]
      const found = await client.execute(
        `SELECT shadow FROM ${KEYSPACE}.root_shadow WHERE fleet = ? AND root = ? AND path = ?`,
        [DEFAULT_FLEET, root, path],
        { prepare: true },
      )
      const row = found.first()
      if (row !== null) stored.set(keyOf(root, path), storedOne(row.get('shadow')))
    })
    return stored
  })
}

function nodeOf(world: World): CassandraPart {
  const [node] = world.cassandra
  if (node === undefined) throw new Error('shadows are compared with Cassandra')
  return node
}

function storedOne(shadow: unknown): Stored {
  const { version, document } = decodeShadow(String(shadow))
  return { version, n: Number(document?.state.reported?.n ?? 0) }
}

function keyOf(root: string, path: string): string {
  return `${root} ${path}`
}

async function readPatiently(fleet: ShadowFleet, i: number, region: string): Promise<Stored | null> {
  for (let tries = 0; tries < READ_TRIES_MAX; tries++) {
    const read = await fleet.read(i, region)
    if (read !== null) return read
    await sleep(PAUSE_AFTER_FAILURE_MS)
  }
  return null
}
