// Each mixture takes the part that it is named after from the previous release, and all else from today's code.
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PARTS } from '../../src/cli/up.ts'
import { mixedParts } from './parts.ts'
import { missingRelease, PREVIOUS_RELEASE, upModule } from './release.ts'

describe.skipIf(missingRelease() !== null)('a mixture of releases', () => {
  it.each([
    ['old-core', ['core']],
    ['old-edge', ['region', 'worker']],
  ] as const)('%s has %j from the previous release, and nothing else', (make, old) => {
    const parts = Object.entries(mixedParts(make))
    expect(parts.filter(([, file]) => file.includes(PREVIOUS_RELEASE)).map(([name]) => name)).toEqual(old)
    for (const [name, file] of parts) {
      expect(existsSync(file)).toBe(true)
      expect(file === PARTS[name as keyof typeof PARTS]).toBe(!file.includes(PREVIOUS_RELEASE))
    }
  })

  it('is none where all parts are of one release', () => {
    expect(() => mixedParts('today')).toThrow('no mixture')
    expect(upModule('previous')).toContain(PREVIOUS_RELEASE)
    expect(upModule('today')).not.toContain(PREVIOUS_RELEASE)
  })
})
