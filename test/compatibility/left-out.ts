// The e2e tests that a mixture of releases cannot pass, because the previous release lacks what they test. Each has its reason.
import type { Make } from './release.ts'

export interface LeftOut {
  readonly make: Make
  /** In test/e2e. */
  readonly file: string
  /** As the file writes it: the test's own name, or that of a describe around it. */
  readonly name: string
  readonly reason: string
}

const ANSWER_JSON = 'the previous release’s edge gives a JSON answer as `payload` alone, not as `json` too'

const PROBLEM_PAGES =
  'the previous release has problems without stable types, and none for what would be silence'

export const LEFT_OUT: readonly LeftOut[] = [
  { make: 'old-edge', file: 'bad-input.test.ts', name: 'what would be silence', reason: PROBLEM_PAGES },
  {
    make: 'old-core',
    file: 'bad-input.test.ts',
    name: 'is an answer for a history that is off, at edge and core',
    reason: PROBLEM_PAGES,
  },
  {
    make: 'old-core',
    file: 'bad-input.test.ts',
    name: 'is explained where the type of a problem leads to',
    reason: PROBLEM_PAGES,
  },
  {
    make: 'old-edge',
    file: 'commands.test.ts',
    name: 'a hundred times at once gives each caller its own answer',
    reason: ANSWER_JSON,
  },
  {
    make: 'old-edge',
    file: 'commands.test.ts',
    name: 'is called once for one idempotency key, also when its region is killed meanwhile',
    reason: ANSWER_JSON,
  },
]

/** Why a test is left out; null if it runs. @param names its describes' and its own */
export function reasonToLeaveOut(
  make: Make,
  names: readonly string[],
  list: readonly LeftOut[] = LEFT_OUT,
): string | null {
  return list.find((one) => one.make === make && names.includes(one.name))?.reason ?? null
}
