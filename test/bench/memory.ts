// The mode `memory`: the most resident memory that an edge takes under what could fill it. Each case runs at two sizes, each on a
// Starling of its own: memory is flat where the larger one takes hardly more.
import { mkdtemp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LocalEdge } from './local-edge.ts'
import { CASES, type Case } from './memory-cases.ts'
import type { Bench, Outcome } from './mode.ts'
import { forgetPeak, peakBytes, residentBytes } from './resident.ts'
import { figure, table } from './table.ts'

const MIB = 1024 * 1024
/** Garbage is collected in the meantime, or not: the platform gives memory back as it likes. */
const SETTLE_MS = 5_000

interface Measured {
  readonly name: string
  readonly size: string
  readonly before: number
  readonly peak: number
  readonly after: number
  readonly note: string
}

export async function memoryMode(bench: Bench): Promise<Outcome> {
  const { options, say } = bench
  const measured: Measured[] = []
  const failures: string[] = []
  for (const one of CASES.filter(({ number }) => options.cases.includes(number))) {
    const growths: number[] = []
    for (const size of one.sizes) {
      if (bench.children.interrupted) break
      say(`case ${one.number}: ${one.name}, ${size} ${one.unit}`)
      try {
        const result = await measure(bench, one, size)
        say(`  ${mib(result.before)} MiB before, ${mib(result.peak)} at most`)
        measured.push(result)
        growths.push(result.peak - result.before)
      } catch (cause) {
        // The other cases have their figures all the same.
        failures.push(`case ${one.number}, ${one.name}, ${size} ${one.unit}: ${String(cause)}`)
      }
    }
    const [small = 0, large = 0] = growths
    if (large > one.growthBytesMax || large - small > one.differenceBytesMax)
      failures.push(`case ${one.number}, ${one.name}: grows by ${mib(small)} and ${mib(large)} MiB`)
  }
  const rows = measured.map(({ name, size, before, peak, after, note }) => [
    name,
    size,
    mib(before),
    mib(peak),
    mib(after),
    mib(peak - before),
    note,
  ])
  const text = [
    "Resident memory of one region's workerd, MiB: before the case, the most during it, and a while after it.",
    table([['', 'size', 'before', 'most', 'after', 'growth', ''], ...rows]),
  ].join('\n\n')
  return { report: { measured }, text, failures }
}

async function measure(bench: Bench, one: Case, size: number): Promise<Measured> {
  const dir = await mkdtemp(join(bench.scratch, 'memory-'))
  const tree = bench.options.tree ?? resolve(import.meta.dirname, '../..')
  const edge = new LocalEdge({
    tree,
    dir,
    log: join(bench.reports, 'bench-memory.log'),
    children: bench.children,
  })
  try {
    await edge.start()
    const begun: { before: number } = { before: 0 }
    const begin = async () => {
      await sleep(SETTLE_MS / 5)
      begun.before = bytes(residentBytes([edge.pid]))
      forgetPeak([edge.pid])
    }
    const note = await one.run(edge, size, begin)
    const peak = bytes(peakBytes([edge.pid]))
    await sleep(SETTLE_MS)
    const after = bytes(residentBytes([edge.pid]))
    return { name: `${one.number}: ${one.name}`, size: `${size} ${one.unit}`, ...begun, peak, after, note }
  } finally {
    edge.end()
    await bench.children.endAll()
  }
}

function bytes(value: number | null): number {
  if (value === null) throw new Error('this system has no /proc')
  return value
}

function mib(value: number): string {
  return figure(value / MIB)
}
