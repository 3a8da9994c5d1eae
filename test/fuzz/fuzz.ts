// A fuzz property: what to generate and what must hold of it; run in batches, each with a seed of its own.
import fc from 'fast-check'

export interface Failure {
  /** As `--replay` takes it: the batch's seed and the path to the smallest case found. */
  readonly replay: string
  readonly counterexample: string
  readonly error: string
}

export interface Fuzz {
  readonly name: string
  /** Its share of the cases of a run, relative to the others. */
  readonly weight: number
  /** Cases from a seed; null if all hold. @param began called with the number of each case before it is tried */
  run(seed: number, cases: number, began: (index: number) => void): Failure | null
  /** One case again. */
  replay(replay: string): Failure | null
  /** The case of a batch, as text. */
  show(seed: number, index: number): string
}

/** @param check throws where the property does not hold */
export function fuzz<T>(
  name: string,
  weight: number,
  cases: fc.Arbitrary<T>,
  check: (value: T) => void,
): Fuzz {
  const run = (parameters: fc.Parameters<[T]>, began: (index: number) => void): Failure | null => {
    let index = 0
    const property = fc.property(cases, (value) => {
      began(index++)
      check(value)
    })
    const found = fc.check(property, parameters)
    if (!found.failed) return null
    return {
      replay: `${found.seed}:${found.counterexamplePath ?? ''}`,
      counterexample: found.counterexample === null ? '(none)' : text(found.counterexample[0]),
      error: found.errorInstance instanceof Error ? errorText(found.errorInstance) : 'interrupted',
    }
  }
  return {
    name,
    weight,
    run: (seed, numRuns, began) => run({ seed, numRuns }, began),
    replay: (replay) => {
      const [seed, path] = parseReplay(replay)
      // A path alone would go on to find a smaller case.
      return run({ seed, path, numRuns: 1, endOnFailure: true }, () => undefined)
    },
    show: (seed, index) => text(fc.sample(cases, { seed, path: `${index}`, numRuns: 1 })[0]),
  }
}

export function parseReplay(replay: string): [seed: number, path: string] {
  const [, seed, path] = /^(\d+):(\d+(?::\d+)*)$/.exec(replay) ?? []
  if (seed === undefined || path === undefined) throw new Error(`'${replay}' is not seed:path`)
  return [Number(seed), path]
}

function text(value: unknown): string {
  const whole = fc.stringify(value)
  return whole.length > 4_000 ? `${whole.slice(0, 4_000)}… (${whole.length} characters)` : whole
}

function errorText(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : ''
  return `${error.stack ?? error.message}${cause}`
}

export interface Batch {
  readonly name: string
  readonly seed: number
  readonly cases: number
}

const BATCH_CASES_MAX = 5_000

/** So many cases of all properties by their weights, in batches, with seeds that follow from one. */
export function batchesOf(properties: readonly Fuzz[], seed: number, cases: number): Batch[] {
  const weights = properties.reduce((sum, { weight }) => sum + weight, 0)
  const lists = properties.map(({ name, weight }) => {
    let left = Math.ceil((cases * weight) / weights)
    const batches: Batch[] = []
    for (let n = 0; left > 0; n++) {
      const size = Math.min(left, BATCH_CASES_MAX)
      batches.push({ name, seed: mixed(seed, `${name} ${n}`), cases: size })
      left -= size
    }
    return batches
  })
  // In turn, so that a run that is broken off has tried a bit of each.
  const rounds = Math.max(...lists.map((list) => list.length))
  return Array.from({ length: rounds }, (_, n) => lists.flatMap((list) => list[n] ?? [])).flat()
}

/** FNV-1a: small, and the same everywhere. */
function mixed(seed: number, label: string): number {
  let hash = 0x811c9dc5 ^ seed
  for (const c of label) hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 0x01000193)
  // Not below 0, since a command line takes a leading minus for an option.
  return hash & 0x7fffffff
}
