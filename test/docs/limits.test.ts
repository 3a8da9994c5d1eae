// docs/limits.md is what the code says.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROJECT } from '../clients/commands.ts'
import { limitsText, shown } from './limits-text.ts'

describe('docs/limits.md', () => {
  it('has every constant of the limits files with its value: else run npm run limits', async () => {
    expect(readFileSync(path.join(PROJECT, 'docs/limits.md'), 'utf8')).toBe(await limitsText())
  })

  it.each([
    ['A_BYTES_MAX', 16 * 1024 * 1024, '16 MiB'],
    ['A_BYTES_MAX', 900, '900 bytes'],
    ['A_MS', 250, '250 ms'],
    ['A_MS', 60_000, '60 s'],
    ['A_MS', 24 * 3_600_000, '24 h'],
    ['A_SECONDS_MAX', 30 * 86_400, '30 days'],
    ['A_MAX', 10_000, '10,000'],
    ['A_MS', [20, 100], '20 ms, 100 ms'],
  ])('shows %s = %j as %s', (name, value, text) => {
    expect(shown(name, value)).toBe(text)
  })
})
