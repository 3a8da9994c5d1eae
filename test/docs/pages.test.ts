// The pages themselves: how long they may be, whether what they link to and name is there.
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROJECT } from '../clients/commands.ts'
import { sourcesIn } from '../structure/sources.ts'
import { type Page, proseOf, readPages } from './pages.ts'

/** Lines of a page; the longest beginning that fits counts. */
const LINES_MAX: Readonly<Record<string, number>> = {
  'README.md': 200,
  'docs/': 200,
  'docs/architecture.md': 120,
  'docs/connect.md': 260,
  'docs/decisions/': 60,
  // Written by programs.
  'docs/conformance.md': Number.POSITIVE_INFINITY,
  'docs/limits.md': Number.POSITIVE_INFINITY,
  'docs/problems.md': Number.POSITIVE_INFINITY,
}

const PAGES = readPages()
const CHARACTERS_MAX = 140

function limitOf(file: string): number {
  const [longest = ''] = Object.keys(LINES_MAX)
    .filter((beginning) => file.startsWith(beginning))
    .sort((a, b) => b.length - a.length)
  return LINES_MAX[longest] ?? 0
}

describe.each(PAGES)('$file', (page) => {
  const { file, text } = page

  it(`has at most ${limitOf(file)} lines`, () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(limitOf(file))
  })

  it.skipIf(limitOf(file) === Number.POSITIVE_INFINITY)(
    'has lines that fit a screen, but for tables and links',
    () => {
      const long = proseOf(page).filter((line) => line.length > CHARACTERS_MAX && !line.startsWith('|'))
      expect(long).toEqual([])
    },
  )

  it('links only to what is there', () => {
    expect(linksIn(page).filter((link) => !leadsSomewhere(file, link))).toEqual([])
  })

  it('names only files that are there', () => {
    expect(filesNamedIn(page).filter((name) => !isThere(name))).toEqual([])
  })
})

describe('a constant or a setting', () => {
  const sources = sourcesIn('actors', 'src', 'k8s-core', 'test')
    .map(({ text }) => text)
    .join('\n')

  it('that a page names is in the code', () => {
    const named = PAGES.flatMap(({ file, text }) =>
      [...text.matchAll(/`(?!CONFIG_)([A-Z]+_[A-Z0-9_]+)`/g)].map(([, name = '']) => ({ file, name })),
    )
    expect(named.length).toBeGreaterThan(50)
    const gone = named.filter(({ name }) => !new RegExp(String.raw`\b${name}\b`).test(sources))
    expect(gone.map(({ file, name }) => `${file}: ${name}`)).toEqual([])
  })
})

describe('docs/', () => {
  it('has a page that leads to every other page', () => {
    const linked = new Set(
      PAGES.flatMap(({ file, ...page }) =>
        linksIn({ file, ...page }).map((link) =>
          path.posix.join(path.posix.dirname(file), link.split('#')[0] ?? ''),
        ),
      ),
    )
    const pages = PAGES.map(({ file }) => file).filter((file) => file !== 'README.md')
    expect(pages.filter((file) => !linked.has(file) && !linked.has(path.posix.dirname(file)))).toEqual([])
  })
})

describe('a decision', () => {
  const decisions = PAGES.filter(({ file }) => file.startsWith('docs/decisions/'))

  it.each(decisions.filter(({ text }) => !text.includes('**Replaced by')))(
    'says context, decision and consequences: $file',
    ({ text }) => {
      const parts = ['Context', 'Decision', 'Consequences']
      const missing = parts.filter((part) => !new RegExp(`^(?:\\*\\*|## )${part}`, 'm').test(text))
      expect(missing).toEqual([])
    },
  )

  it('has a number of its own, and none is left out', () => {
    const numbers = decisions.map(({ file }) => Number(/\/(\d{4})-/.exec(file)?.[1]))
    expect(numbers).toEqual(decisions.map((_, at) => at + 1))
  })
})

/** Links to the project's own files. */
function linksIn(page: Page): string[] {
  const links = [
    ...proseOf(page)
      .join('\n')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
  return links.map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link))
}

function leadsSomewhere(file: string, link: string): boolean {
  const [name = '', anchor] = link.split('#')
  const target = name === '' ? file : path.posix.join(path.posix.dirname(file), name)
  const absolute = path.join(PROJECT, target)
  if (!existsSync(absolute)) return false
  return anchor === undefined || anchorsIn(readFileSync(absolute, 'utf8')).includes(anchor)
}

/** As GitHub names headings. */
function anchorsIn(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}

const FOLDERS = 'actors|src|k8s-core|test|docs|\\.ci'
/** `src/cli/up.ts`, `test/sim`, `actors/wide/*.ts`: in code spans, and in drawings. */
const NAMED = new RegExp(String.raw`(?<![\w./-])(?:${FOLDERS})/[\w./*{},-]*[\w*}]`, 'g')

function filesNamedIn({ text }: Page): string[] {
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)
  const drawings = [...text.matchAll(/```mermaid\n([\s\S]*?)```/g)].map(([, drawing = '']) => drawing)
  return [...spans, ...drawings].flatMap((one) => one.match(NAMED) ?? [])
}

function isThere(name: string): boolean {
  return /[*{]/.test(name)
    ? globSync(name, { cwd: PROJECT }).length > 0
    : existsSync(path.join(PROJECT, name))
}
