// Cuts a failing script down to the steps that it needs to fail.
import { run } from './run.ts'
import type { Script, Step } from './script.ts'
import type { Target } from './target.ts'

/** The shortest script found: without any one of its steps the two targets agree. */
export async function shrink(script: Script, one: Target, other: Target): Promise<Script> {
  const fails = async (steps: readonly Step[]) =>
    (await run({ ...script, steps }, one, other)).failure?.at === steps.length - 1
  const failure = (await run(script, one, other)).failure
  if (failure === null) return script
  let steps = script.steps.slice(0, failure.at + 1)
  for (let size = steps.length >> 1; size > 0; size >>= 1) {
    // The last step is the one that shows it.
    for (let from = 0; from < steps.length - 1; ) {
      const shorter = [...steps.slice(0, from), ...steps.slice(Math.min(from + size, steps.length - 1))]
      if (await fails(shorter)) steps = shorter
      else from += size
    }
  }
  return { ...script, steps }
}
