// A rule of `explain`: checks one possible cause. Returns its decision, or null if the cause does not apply.
import type { Cause, Decision, Verdict } from './explanation.ts'
import type { World } from './world.ts'

export type Rule = (world: World) => Decision | null

export function say(verdict: Verdict, cause: Cause, sentence: string): Decision {
  return { verdict, cause, sentence }
}
