// `npm run conformance`: writes docs/conformance.md; with `--check`, only says what is wrong, on standard error.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { collectProofs } from './collect.ts'
import { complaints, conformanceText } from './table.ts'

const FILE = path.join(import.meta.dirname, '../../docs/conformance.md')

const proofs = await collectProofs()
const text = conformanceText(proofs)
const wrong = complaints(proofs)
if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== text)
    wrong.push('docs/conformance.md is not what the tests say: npm run conformance')
} else {
  writeFileSync(FILE, text)
}
for (const complaint of wrong) process.stderr.write(`${complaint}\n`)
process.exitCode = wrong.length === 0 ? 0 : 1
