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

const LENIENT_HTTP = 'the previous release takes what RFC 9110, or JSON, does not allow'

const ONE_CALL = 'the previous release moves a state in one call, which large states break'

const NO_RETAINED_PAGES =
  'the previous release has retained messages in one answer, which does not fit a call'

export const LEFT_OUT: readonly LeftOut[] = [
  {
    make: 'old-edge',
    file: 'retained-pages.test.ts',
    name: 'retained messages in pages',
    reason: NO_RETAINED_PAGES,
  },
  {
    make: 'old-edge',
    file: 'retained-pages.test.ts',
    name: 'retained messages in another region than their home',
    reason: NO_RETAINED_PAGES,
  },
  {
    make: 'old-core',
    file: 'retained-pages.test.ts',
    name: 'retained messages in another region than their home',
    reason: NO_RETAINED_PAGES,
  },
  {
    make: 'old-core',
    file: 'moving-pages.test.ts',
    name: 'a client whose state is larger than a call',
    reason: ONE_CALL,
  },
  {
    make: 'old-edge',
    file: 'moving-pages.test.ts',
    name: 'a client whose state is larger than a call',
    reason: ONE_CALL,
  },
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
  {
    make: 'old-edge',
    file: 'mqtt-bounds.test.ts',
    name: 'the bounds of a client',
    reason: 'the previous release’s edge closes the connection past them',
  },
  {
    make: 'old-core',
    file: 'mqtt-bounds.test.ts',
    name: 'of 500 publishes that nobody gets are not written',
    reason: 'the previous release’s core gives each root that is looked up a home',
  },
  {
    make: 'old-edge',
    file: 'wills.test.ts',
    name: 'wills of several connections',
    reason: 'the previous release’s edge stores one will, and does not know of a Clean Start elsewhere',
  },
  {
    make: 'old-core',
    file: 'wills.test.ts',
    name: 'a will with a delay, whose client connects with Clean Start 1 in another region',
    reason: 'the previous release’s core does not pass the Clean Start on',
  },
  {
    make: 'old-edge',
    file: 'overlap.test.ts',
    name: 'a message that comes by two ways',
    reason: 'the previous release’s edge sends a copy for each way',
  },
  {
    make: 'old-edge',
    file: 'strict-http.test.ts',
    name: 'If-Match: * changes and deletes what exists, and is 412 for what does not',
    reason: LENIENT_HTTP,
  },
  {
    make: 'old-edge',
    file: 'strict-http.test.ts',
    name: 'If-None-Match compares weakly, and * is whatever exists',
    reason: LENIENT_HTTP,
  },
  {
    make: 'old-edge',
    file: 'strict-http.test.ts',
    name: 'a number that JSON cannot carry',
    reason: LENIENT_HTTP,
  },
  {
    make: 'old-edge',
    file: 'strict-http.test.ts',
    name: 'an address',
    reason: LENIENT_HTTP,
  },
  {
    make: 'old-edge',
    file: 'strict-http.test.ts',
    name: 'the subprotocol',
    reason: LENIENT_HTTP,
  },
  {
    make: 'old-edge',
    file: 'strict-http.test.ts',
    name: 'the answer of a device',
    reason: LENIENT_HTTP,
  },
  {
    make: 'old-core',
    file: 'strict-http.test.ts',
    name: 'of a registered device is obeyed alike, and an empty one is refused',
    reason: LENIENT_HTTP,
  },
  {
    make: 'old-core',
    file: 'strict-http.test.ts',
    name: 'an address',
    reason: LENIENT_HTTP,
  },
  {
    make: 'old-edge',
    file: 'bad-input.test.ts',
    name: 'that cannot be taken',
    reason: 'the previous release’s edge holds such a CONNECT, or closes without its reason',
  },
  {
    make: 'old-edge',
    file: 'bad-input.test.ts',
    name: 'an actor with sixty sockets that do not finish their CONNECT',
    reason: 'the previous release’s edge holds such a CONNECT, or closes without its reason',
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
