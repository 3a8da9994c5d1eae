// The simulated runs of `npm test`, in two halves, so that two processes share them. SIM_SEEDS says how many, SIM_SEED from
// which on; without a change the same ones each time.
import { expect, test } from 'vitest'
import {
  DROP_SEEDS_FROM,
  FULL_SEEDS_FROM,
  HISTORY_SEEDS_FROM,
  OLD_SEEDS_FROM,
  type Outcome,
  PRESENCE_SEEDS_FROM,
  RESTORED_SEEDS_FROM,
  RETAINED_SEEDS_FROM,
  runSeed,
  SHADOW_SEEDS_FROM,
  SHORT_SEEDS_FROM,
  WIDE_SEEDS_FROM,
} from './scenario.ts'

const SEEDS = Number(process.env.SIM_SEEDS ?? 10_000)
const FIRST = Number(process.env.SIM_SEED ?? 1)
const BROKEN_MAX = 10
const EACH_MS_MAX = 1_000

interface Kind {
  readonly what: string
  /** Its first seed, where SIM_SEED is 1. */
  readonly from: number
  /** Of all runs; the usual ones are the rest. */
  readonly share?: number
  /** So many of each at least in the mean of its runs. */
  readonly deliveredEach?: number
  readonly refusedEach?: number
  readonly putRightEach?: number
}

const KINDS: readonly Kind[] = [
  {
    what: 'simulated runs with faults break no promise (promises 1 to 7)',
    from: 1,
  },
  {
    what: 'simulated runs with wide filters break no promise',
    from: WIDE_SEEDS_FROM,
    share: 0.2,
  },
  {
    what: 'simulated runs with presence show it to its watchers in order',
    from: PRESENCE_SEEDS_FROM,
    share: 0.02,
  },
  {
    what: 'simulated runs with shadows lose no update that was acknowledged',
    from: SHADOW_SEEDS_FROM,
    share: 0.05,
  },
  {
    what: 'simulated runs with retained messages and one lost region after the other keep them',
    from: RETAINED_SEEDS_FROM,
    share: 0.02,
  },
  {
    what: 'simulated runs whose queues and outboxes fill lose nothing that was acknowledged',
    from: FULL_SEEDS_FROM,
    share: 0.05,
    refusedEach: 2,
  },
  {
    what: 'simulated runs keep all that was acknowledged in the history, in order',
    from: HISTORY_SEEDS_FROM,
    share: 0.02,
  },
  {
    what: 'simulated runs whose directory goes back in time break no promise',
    from: RESTORED_SEEDS_FROM,
    share: 0.02,
    putRightEach: 1,
  },
  {
    what: 'simulated runs whose sessions end soon lose nothing of those that go on elsewhere',
    from: SHORT_SEEDS_FROM,
    share: 0.02,
    // They are away for more of the time.
    deliveredEach: 30,
  },
  {
    what: 'simulated runs with clients of 3.1.1 and full disks break no promise',
    from: OLD_SEEDS_FROM,
    share: 0.05,
  },
  {
    what: 'simulated runs whose full queues drop their oldest lose only what they have counted',
    from: DROP_SEEDS_FROM,
    share: 0.05,
  },
]

function countOf({ share }: Kind): number {
  if (share !== undefined) return Math.round(SEEDS * share)
  return KINDS.filter((kind) => kind.share !== undefined).reduce((rest, kind) => rest - countOf(kind), SEEDS)
}

/** What a run broke, with the command that shows it. */
export function told({ seed, breaches }: Outcome): string[] {
  return breaches.map(({ broken, what }) => `${broken}: ${what} (npm run -s sim -- --seed ${seed} --trace)`)
}

export function testHalf(half: 0 | 1): void {
  for (const kind of KINDS) {
    const { what, from, deliveredEach = 50, refusedEach = 0, putRightEach = 0 } = kind
    const first = from + FIRST - 1
    const runs = Math.floor((countOf(kind) + 1 - half) / 2)
    test(`${runs} ${what}: every second from seed ${first + half} on`, {
      timeout: 60_000 + runs * EACH_MS_MAX,
    }, async () => {
      const broken: string[] = []
      let delivered = 0
      let faults = 0
      let refused = 0
      let putRight = 0
      for (let i = 0; i < runs && broken.length < BROKEN_MAX; i++) {
        const outcome = await runSeed(first + half + 2 * i)
        broken.push(...told(outcome))
        delivered += outcome.delivered
        faults += outcome.faults
        refused += outcome.refused
        putRight += outcome.putRight
      }
      expect(broken).toEqual([])
      // Or else they would prove little.
      expect(delivered).toBeGreaterThan(runs * deliveredEach)
      expect(faults).toBeGreaterThan(runs * 5)
      expect(refused).toBeGreaterThanOrEqual(runs * refusedEach)
      expect(putRight).toBeGreaterThanOrEqual(runs * putRightEach)
    })
  }
}
