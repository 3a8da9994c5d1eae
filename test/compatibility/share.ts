// The share of the e2e suite that `npm test` runs with a mixture of releases. `npm run test:compatibility` runs the whole suite.
import { beforeEach, describe } from 'vitest'
import { type Make, missingRelease } from './release.ts'

/** Half a minute that shows nothing about the relay. */
const SLOW = /^with the core frozen/

/** Call it once in a test file: the file's process runs this make from then on. */
export function describeShare(name: string, make: Make): void {
  process.env.COMPATIBILITY = make
  describe.skipIf(missingRelease() !== null)(name, () => {
    beforeEach(({ task, skip }) => {
      if (SLOW.test(task.name)) skip('runs in test:compatibility')
    })
    // Each file starts a system of its own, so one must end before the next begins.
    describe('the first path', async () => {
      await import('../e2e/first-path.test.ts')
    })
    describe('sessions, also from region to region', async () => {
      await import('../e2e/sessions.test.ts')
    })
    describe('wide filters', async () => {
      await import('../e2e/wide.test.ts')
    })
    describe('fail-over', async () => {
      await import('../e2e/failover.test.ts')
    })
  })
}
