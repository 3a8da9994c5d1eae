// A rule of `explain`: the decision, where what it looks at is the cause.
import type { Cause, Decision, Verdict } from './explanation.ts'
import type { World } from './world.ts'

export type Rule = (world: World) => Decision | null

export function say(verdict: Verdict, cause: Cause, sentence: string): Decision {
  return { verdict, cause, sentence }
}
