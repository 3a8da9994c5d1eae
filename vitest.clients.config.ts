// The tests with clients in other languages, which need a compiler each: `npm run test:clients`.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.clients.ts'],
    hookTimeout: 30_000,
    teardownTimeout: 20_000,
    pool: 'forks',
    maxWorkers: 1,
  },
})
