// The simulated runs of `npm test`, in two halves, so that two processes share them. SIM_SEEDS says how many, SIM_SEED from
// which on; without a change the same ones each time.
import { expect, test } from 'vitest'
import {
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
/** Of the runs, those that are not as usual; see their kinds. */
const WIDE_SHARE = 0.2
const PRESENCE_SHARE = 0.02
const SHADOW_SHARE = 0.05
const RETAINED_SHARE = 0.02
const FULL_SHARE = 0.05
const HISTORY_SHARE = 0.02
const RESTORED_SHARE = 0.02
const SHORT_SHARE = 0.02
const OLD_SHARE = 0.05
const BROKEN_MAX = 10
const EACH_MS_MAX = 1_000

/** What a run broke, with the command that shows it. */
export function told({ seed, breaches }: Outcome): string[] {
  return breaches.map(({ broken, what }) => `${broken}: ${what} (npm run -s sim -- --seed ${seed} --trace)`)
}

export function testHalf(half: 0 | 1): void {
  const wide = Math.round(SEEDS * WIDE_SHARE)
  const presence = Math.round(SEEDS * PRESENCE_SHARE)
  const shadows = Math.round(SEEDS * SHADOW_SHARE)
  const retained = Math.round(SEEDS * RETAINED_SHARE)
  const full = Math.round(SEEDS * FULL_SHARE)
  const history = Math.round(SEEDS * HISTORY_SHARE)
  const restored = Math.round(SEEDS * RESTORED_SHARE)
  const short = Math.round(SEEDS * SHORT_SHARE)
  const old = Math.round(SEEDS * OLD_SHARE)
  const kinds = [
    {
      what: 'simulated runs with faults break no promise (promises 1 to 7)',
      first: FIRST,
      count: SEEDS - wide - presence - shadows - retained - full - history - restored - short - old,
    },
    {
      what: 'simulated runs with wide filters break no promise',
      first: WIDE_SEEDS_FROM + FIRST - 1,
      count: wide,
    },
    {
      what: 'simulated runs with presence show it to its watchers in order',
      first: PRESENCE_SEEDS_FROM + FIRST - 1,
      count: presence,
    },
    {
      what: 'simulated runs with shadows lose no update that was acknowledged',
      first: SHADOW_SEEDS_FROM + FIRST - 1,
      count: shadows,
    },
    {
      what: 'simulated runs with retained messages and one lost region after the other keep them',
      first: RETAINED_SEEDS_FROM + FIRST - 1,
      count: retained,
    },
    {
      what: 'simulated runs whose queues and outboxes fill lose nothing that was acknowledged',
      first: FULL_SEEDS_FROM + FIRST - 1,
      count: full,
      refusedEach: 2,
    },
    {
      what: 'simulated runs keep all that was acknowledged in the history, in order',
      first: HISTORY_SEEDS_FROM + FIRST - 1,
      count: history,
    },
    {
      what: 'simulated runs whose directory goes back in time break no promise',
      first: RESTORED_SEEDS_FROM + FIRST - 1,
      count: restored,
      putRightEach: 1,
    },
    {
      what: 'simulated runs whose sessions end soon lose nothing of those that go on elsewhere',
      first: SHORT_SEEDS_FROM + FIRST - 1,
      count: short,
      // They are away for more of the time.
      deliveredEach: 30,
    },
    {
      what: 'simulated runs with clients of 3.1.1 and full disks break no promise',
      first: OLD_SEEDS_FROM + FIRST - 1,
      count: old,
    },
  ]
  for (const { what, first, count, deliveredEach = 50, refusedEach = 0, putRightEach = 0 } of kinds) {
    const runs = Math.floor((count + 1 - half) / 2)
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
