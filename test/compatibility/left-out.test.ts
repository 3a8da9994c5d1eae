// The list of what mixtures of releases leave out names tests that exist, and leaves out those alone.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { LEFT_OUT, type LeftOut, reasonToLeaveOut } from './left-out.ts'

describe('the list of tests that a mixture of releases leaves out', () => {
  it('names tests that exist, each with a reason', () => {
    const wrong = LEFT_OUT.filter(({ file, name, reason }) => {
      const text = readFileSync(path.join(import.meta.dirname, '..', 'e2e', file), 'utf8')
      return !text.includes(name) || reason.length < 10
    })
    expect(wrong).toEqual([])
  })

  it('leaves out a test by its name or a describe’s, in its mixture only', () => {
    const list: LeftOut[] = [{ make: 'old-core', file: 'a.test.ts', name: 'b', reason: 'c' }]
    expect(reasonToLeaveOut('old-core', ['b', 'around'], list)).toBe('c')
    expect(reasonToLeaveOut('old-core', ['inside', 'b'], list)).toBe('c')
    expect(reasonToLeaveOut('old-core', ['bb'], list)).toBeNull()
    expect(reasonToLeaveOut('old-edge', ['b'], list)).toBeNull()
  })
})
