// Runs one script against two targets, in step: each step is done at both, and what was seen is compared.
import { Cast, WITNESS } from './cast.ts'
import { DIFFERENCES, type Difference, explain } from './differences.ts'
import { type StepObservation, shown } from './observe.ts'
import type { Script } from './script.ts'
import type { Target } from './target.ts'

/** How long what one has seen may take to be seen at the other. */
const LATE_MS = 3_000

export interface Failure {
  readonly seed: number
  readonly at: number
  readonly text: string
}

export interface Outcome {
  readonly failure: Failure | null
  /** Names of the differences that were met. */
  readonly met: ReadonlySet<string>
}

export async function run(
  script: Script,
  one: Target,
  other: Target,
  allowed: readonly Difference[] = DIFFERENCES,
): Promise<Outcome> {
  const places = [await one.place(), await other.place()] as const
  const [a, b] = [new Cast(places[0], script), new Cast(places[1], script)]
  const both = (work: (cast: Cast) => Promise<unknown>) => Promise.all([work(a), work(b)])
  const met = new Set<string>()
  try {
    await both((cast) => cast.begin())
    for (const [at, step] of script.steps.entries()) {
      await both((cast) => cast.do(step))
      await both((cast) => cast.quiet())
      await reconcile(a, b)
      const context = { script, at, step }
      let explained = explain(a.see(), b.see(), context, allowed)
      for (const end = Date.now() + LATE_MS; explained === null && Date.now() < end; ) {
        await both((cast) => cast.quiet())
        await reconcile(a, b)
        explained = explain(a.see(), b.see(), context, allowed)
      }
      if (explained === null) {
        const text = failureText(script, at, [one.name, a.see()], [other.name, b.see()])
        return { failure: { seed: script.seed, at, text }, met }
      }
      for (const name of explained) met.add(name)
      a.forget()
      b.forget()
    }
    return { failure: null, met }
  } finally {
    await both((cast) => cast.end())
    for (const place of places) await place.leave()
  }
}

/** Runs many, some at a time: most of a script's time is waiting. */
export async function runAll(
  scripts: readonly Script[],
  one: Target,
  other: Target,
  atOnce: number,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const waiting = scripts.entries()
  const work = async () => {
    for (const [i, script] of waiting) outcomes[i] = await run(script, one, other)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return outcomes
}

/** Who was closed at one target has no connection at the other: the rest of the script means the same at both. */
async function reconcile(a: Cast, b: Cast): Promise<void> {
  const [seenA, seenB] = [a.see(), b.see()]
  const closedOnly = (here: StepObservation, there: StepObservation) =>
    Object.keys(here).filter((name) => here[name]?.closed === true && there[name]?.closed === false)
  const [atB, atA] = [closedOnly(seenA, seenB), closedOnly(seenB, seenA)]
  if (atA.length + atB.length === 0) return
  a.part(atA)
  b.part(atB)
  await Promise.all([a.quiet(), b.quiet()])
}

type Side = readonly [name: string, seen: StepObservation]

function failureText(script: Script, at: number, [nameA, a]: Side, [nameB, b]: Side): string {
  const clients = script.clients.map((version, i) => `c${i} (MQTT ${version === 5 ? '5' : '3.1.1'})`)
  return [
    `seed ${script.seed}, step ${at}: ${JSON.stringify(script.steps[at])}`,
    `clients: ${clients.join(', ')}, ${WITNESS}`,
    shown(nameA, a, b),
    shown(nameB, b, a),
    `replay: npm run differential -- --seed ${script.seed} --verbose`,
  ].join('\n')
}
