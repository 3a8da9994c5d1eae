// Tests of all runtimes run in Node; those that need workerd or Cassandra start them themselves.
import { defineConfig } from 'vitest/config'
import { PromiseReporter } from './test/promises/reporter.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/cassandra/global-setup.ts'],
    setupFiles: ['test/compatibility/leave-out.ts'],
    // Only what hangs takes as long, on however busy a machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', new PromiseReporter()],
  },
})
