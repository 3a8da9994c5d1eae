// `npm run limits`: writes docs/limits.md from the constants in the code.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { limitsText } from './limits-text.ts'

writeFileSync(path.join(import.meta.dirname, '../../docs/limits.md'), await limitsText())
