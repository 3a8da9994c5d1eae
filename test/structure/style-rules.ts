// The habits that a linter does not know: each function gives the breaches of one source, as sentences.
import type { Source } from './sources.ts'

/** Read by a tool that wants one. */
const DEFAULT_EXPORTS: readonly string[] = [
  'actors/hosts/workerd/worker.ts',
  'vitest.config.ts',
  'vitest.clients.config.ts',
  'test/idle/counting-worker.ts',
  'test/hosts/probe-worker.ts',
  'test/bench/bare-worker.ts',
]

export const LINES_MAX = 400

/** Longer files, each with the reason. Empty is best. */
export const LONG_FILES: Readonly<Record<string, string>> = {}

const DEFAULT = /^\s*export\s+(?:default\b|[^;'"]*\b(?:as\s+default\b|default\s*[,}]))/m

export function defaultExports({ file, text }: Source): string[] {
  if (DEFAULT_EXPORTS.includes(file) || !DEFAULT.test(text)) return []
  return [`${file} has a default export`]
}

export function longFiles(
  { file, text }: Source,
  allowed: Readonly<Record<string, string>> = LONG_FILES,
): string[] {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  const reason = allowed[file]
  if (lines > LINES_MAX && !reason) return [`${file} has ${lines} lines, more than ${LINES_MAX}`]
  if (lines <= LINES_MAX && reason !== undefined) return [`${file} is short enough: take it off LONG_FILES`]
  return []
}

/** The first comment says what the file is in the picture; it stands above all code, below a `#!` line. */
export function headless({ file, text }: Source): string[] {
  const begins = text.replace(/^#![^\n]*\n/, '').trimStart()
  const comment = /^\/\/(?!\/)[ \t]*(\S.*)|^\/\*[\s*]*([^\s*][^*]*)/.exec(begins)
  const words = (comment?.[1] ?? comment?.[2] ?? '').trim().split(/\s+/).length
  return comment === null || words < 3 ? [`${file} does not begin with a comment that says what it is`] : []
}
