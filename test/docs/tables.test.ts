// The tables of the reference pages are what the code has: routes, settings, exit codes.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { Exit } from '../../src/cli/exit.ts'
import { PROJECT } from '../clients/commands.ts'
import { sourcesIn } from '../structure/sources.ts'
import { readPages } from './pages.ts'

const readText = (file: string) => readFileSync(path.join(PROJECT, file), 'utf8')
const textOf = (file: string) => readPages().find((page) => page.file === file)?.text ?? ''

/** `GET /v1/publish` of each route that is declared in src/api; every operation is one of `createRoute`'s. */
function declaredPaths(): string[] {
  const found = sourcesIn('src/api').flatMap(({ text }) => [...text.matchAll(/\bpath: '(\/v1\/[^']*)'/g)])
  return [...new Set(found.map(([, declared = '']) => declared))].sort()
}

describe('docs/http.md', () => {
  const rows = textOf('docs/http.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  const listed = rows.flatMap((row) =>
    [...row.matchAll(/`[A-Z]+ (\/v1\/[^`]*)`/g)].map(([, one = '']) => one),
  )

  it('lists every path of the public API', () => {
    expect(declaredPaths().length).toBeGreaterThan(15)
    expect(declaredPaths().filter((one) => !listed.includes(one))).toEqual([])
  })

  it('lists no path that there is not', () => {
    const known = [...declaredPaths(), '/v1/events', '/v1/provision']
    expect([...new Set(listed)].filter((one) => !known.includes(one))).toEqual([])
  })
})

describe('docs/operate.md', () => {
  const page = textOf('docs/operate.md')
  const settings = [...page.matchAll(/^\| ((?:`[A-Z_]+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name),
  )

  it('has every variable of the core', () => {
    const schema =
      /const environmentSchema = ([\s\S]*?)\n {2}\.transform/.exec(readText('k8s-core/config.ts'))?.[1] ?? ''
    const names = [...schema.matchAll(/^ {4}([A-Z_]+):/gm)].map(([, name = '']) => name)
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter((name) => !settings.includes(name))).toEqual([])
  })

  it('has every variable of the edge', () => {
    const env = readText('actors/hosts/workerd/env.ts')
    const names = [...env.matchAll(/^ {2}readonly ([A-Z_]+)\??: string$/gm)].map(([, name = '']) => name)
    expect(names.length).toBeGreaterThan(8)
    expect(names.filter((name) => !settings.includes(name))).toEqual([])
  })
})

describe('docs/cli.md', () => {
  it('has every exit code', () => {
    const codes = [...textOf('docs/cli.md').matchAll(/^\| (\d) \|/gm)].map(([, code]) => Number(code))
    expect(codes).toEqual(Object.values(Exit))
  })
})

describe('docs/security.md', () => {
  it('has every claim that a token is read for', () => {
    const source = readText('src/id/client-token.ts')
    const read = [...source.matchAll(/payload\.([a-z]+)/g)].map(([, claim = '']) => claim)
    const rows = [...textOf('docs/security.md').matchAll(/^\| `([a-z]+)` \|/gm)].map(([, claim]) => claim)
    expect([...new Set(read)].filter((claim) => !rows.includes(claim))).toEqual([])
  })
})
