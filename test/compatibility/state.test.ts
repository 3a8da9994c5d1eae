// A state folder of the previous release: today's code opens it, and everything that was acknowledged is there.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'
import { missingRelease } from './release.ts'
import type { Written } from './written.ts'
import { DEVICES, HISTORY } from './written-devices.ts'
import { MESSAGES } from './written-messages.ts'

const missing = missingRelease()
const STATES = { ...MESSAGES, ...DEVICES }
/** A sync of what was written before the core fell silent. */
const SYNC_MS = 2_000

describe.skipIf(missing !== null)('a state folder that the previous release wrote', () => {
  let system: System
  const written = new Map<string, Written>()
  let stoppedAt = 0

  beforeAll(async () => {
    system = await System.start({ make: 'previous', history: HISTORY })
    await Promise.all(
      Object.entries(STATES).map(async ([name, write]) => {
        written.set(name, await write(system))
      }),
    )
    await sleep(SYNC_MS)
    await system.freeze('core')
    await Promise.all([...written.values()].map(({ cutOff }) => cutOff?.()))
    await stopHard(system)
    stoppedAt = Date.now()
    await system.up('today')
  }, 2 * SYSTEM_START_MS)
  afterAll(() => system?.stop())

  it.concurrent.each(Object.keys(STATES))('has %s', { timeout: 90_000 }, async (name) => {
    const found = written.get(name)
    expect(found).toBeDefined()
    await found?.find(stoppedAt)
  })
})

/** Kills the core, which answers nothing any more, and eu without a warning; us ends in order. */
async function stopHard(system: System): Promise<void> {
  const core = await system.pidOf('core')
  await system.kill('eu')
  const down = system.down()
  process.kill(core, 'SIGKILL')
  await down
}
