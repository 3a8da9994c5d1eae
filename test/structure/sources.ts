// Reads the project's sources, and what they import. A careful regular expression: TypeScript 7 offers no stable parser,
// and where it errs it finds an import too many (in a text or a comment), which somebody will notice.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const PROJECT = path.join(import.meta.dirname, '../..')

export interface Source {
  /** From the project's folder: `src/id/ids.ts`. */
  readonly file: string
  readonly text: string
}

export function sourcesIn(...folders: readonly string[]): Source[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,mts,cts,tsx,js,mjs,cjs}`, { cwd: PROJECT }))
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => !file.includes('node_modules/'))
    .sort()
    .map((file) => ({ file, text: readFileSync(path.join(PROJECT, file), 'utf8') }))
}

const GAP = String.raw`(?:\s|/\*[\s\S]*?\*/|//[^\n]*\n)*`
const TEXT = String.raw`['"]([^'"\n]+)['"]`
const TEXT_OR_TEMPLATE = String.raw`['"\x60]([^'"\x60\n]+)['"\x60]`
const IMPORTS = [
  // import … from 'x', export … from 'x'
  new RegExp(String.raw`\bfrom${GAP}${TEXT}`, 'g'),
  // import 'x', import('x'), typeof import('x')
  new RegExp(String.raw`(?<![.\w$])import${GAP}(?:\(${GAP})?${TEXT_OR_TEMPLATE}`, 'g'),
  new RegExp(String.raw`(?<![.\w$])require(?:\.resolve)?${GAP}\(${GAP}${TEXT_OR_TEMPLATE}`, 'g'),
  // /// <reference types="x" />
  /^\s*\/\/\/\s*<reference\s+(?:path|types)\s*=\s*['"]([^'"]+)['"]/gm,
]
/** `import(name)`, but for methods that are called import. */
const COMPUTED = new RegExp(
  String.raw`(?<![.\w$])(?:await|return|void|=>|[=(,?:])\s*import\s*\(${GAP}(?!\s|/[*/]|['"\x60)])`,
)

export const COMPUTED_IMPORT = 'a computed name'

/** What a source imports, types included: files from the project's folder, packages as they are written. */
export function importsOf({ file, text }: Source): string[] {
  const found = new Set<string>()
  for (const pattern of IMPORTS) {
    for (const [, name = ''] of text.matchAll(pattern)) {
      found.add(name.startsWith('.') ? path.posix.join(path.posix.dirname(file), name) : name)
    }
  }
  if (COMPUTED.test(text)) found.add(COMPUTED_IMPORT)
  return [...found]
}
