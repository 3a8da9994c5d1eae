// The same random scripts of clients against Starling and against mosquitto: what the clients see is the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM_START_MS } from '../e2e/system.ts'
import { DIFFERENCES } from './differences.ts'
import { FEATURES } from './features.ts'
import { run } from './run.ts'
import { scriptOf } from './script.ts'
import { findMosquitto, Mosquitto, Starling } from './target.ts'

const SEEDS = Array.from({ length: 25 }, (_, i) => i)
const SELF_SEEDS = [0, 5, 6]
const SCRIPT_MS = 60_000

const command = await findMosquitto()

describe.skipIf(command === null)('a random script of clients', () => {
  const mosquitto = new Mosquitto(command ?? '', FEATURES)
  const met = new Set<string>()
  let starling: Starling
  beforeAll(async () => {
    starling = await Starling.start()
  }, SYSTEM_START_MS)
  afterAll(() => starling?.stop())

  describe.concurrent('seen from its clients', { timeout: SCRIPT_MS }, () => {
    it.for(SEEDS)('is the same at Starling and at mosquitto (seed %i)', async (seed, { expect }) => {
      const outcome = await run(scriptOf(seed, FEATURES), starling, mosquitto)
      for (const name of outcome.met) met.add(name)
      expect(outcome.failure?.text).toBeUndefined()
    })
  })

  it('meets every difference that is allowed: what is never met can be removed from the list', () => {
    expect(DIFFERENCES.map(({ name }) => name).filter((name) => !met.has(name))).toEqual([])
  })
})

describe.skipIf(command === null)('the comparison itself', () => {
  const [one, other] = ['one', 'other'].map((name) => new Mosquitto(command ?? '', FEATURES, name))

  describe.concurrent('of two mosquittos', { timeout: SCRIPT_MS }, () => {
    it.for(SELF_SEEDS)(
      'sees no difference at all, with every feature (seed %i)',
      async (seed, { expect }) => {
        const outcome = await run(scriptOf(seed, FEATURES), one as Mosquitto, other as Mosquitto, [])
        expect(outcome.failure?.text).toBeUndefined()
      },
    )
  })

  it('sees that one of two mosquittos grants less', { timeout: SCRIPT_MS }, async () => {
    const less = new Mosquitto(command ?? '', { qos2: false, wide: true, shared: true }, 'less')
    const outcome = await run(scriptOf(0, FEATURES), one as Mosquitto, less, DIFFERENCES)
    expect(outcome.failure).not.toBeNull()
  })
})
