// `npm run problems`: writes docs/problems.md from the types of problems in the code.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { problemsPage } from '../../src/relay/problem-types.ts'

writeFileSync(path.join(import.meta.dirname, '../../docs/problems.md'), problemsPage())
