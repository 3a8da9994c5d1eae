// A mode is one kind of measurement: `npm run bench -- <mode>`.
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Children } from '../load/children.ts'
import type { Options } from './options.ts'
import { START } from './start.ts'
import type { System, SystemName } from './system.ts'

export type Outcome = {
  /** For the JSON report. */
  readonly report: unknown
  /** For people. */
  readonly text: string
  /** What went wrong; the run is a success if nothing did. */
  readonly failures: readonly string[]
}

export type Bench = {
  readonly options: Options
  readonly children: Children
  readonly scratch: string
  readonly reports: string
  readonly say: (line: string) => void
}

export type Mode = (bench: Bench) => Promise<Outcome>

/** Starts each system asked for, hands it over, and ends it before the next: they must not share the processors. */
export async function forEachSystem(
  bench: Bench,
  measure: (name: SystemName, system: System) => Promise<void>,
): Promise<string[]> {
  const skipped: string[] = []
  for (const name of bench.options.systems) {
    const scratch = await mkdtemp(join(bench.scratch, `${name}-`))
    bench.say(`starting ${name}`)
    const system = await START[name]({
      children: bench.children,
      scratch,
      reports: bench.reports,
      window: bench.options.window,
    })
    if ('absent' in system) skipped.push(`${name} is left out: ${system.absent}`)
    else await measure(name, system)
    await bench.children.endAll()
  }
  return skipped
}
