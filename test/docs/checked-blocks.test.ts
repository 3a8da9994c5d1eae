// The code blocks that are not run: drawings and documents are parsed, C and TypeScript are given to a compiler.
import { spawnSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { PROJECT } from '../clients/commands.ts'
import { setValue, valuesFaults } from './chart-values.ts'
import { mermaidFaults } from './mermaid.ts'
import { type Block, readPages } from './pages.ts'
import { PROGRAMS } from './programs.ts'

const COMPILE_MS = 120_000

type Check = (block: Block) => void | Promise<void>

const CHECKS: Readonly<Record<string, Check>> = {
  mermaid: ({ text }) => expect(mermaidFaults(text)).toEqual([]),
  json: ({ text }) => void JSON.parse(text),
  yaml: ({ text }) => expect(parse(text)).toBeTypeOf('object'),
  c: checkC,
  ts: checkTypes,
}

const BLOCKS = readPages().flatMap(({ file, blocks }) => blocks.map((block) => ({ file, ...block })))

describe('a code block', () => {
  it('is of a language that is run or checked', () => {
    const known = ['sh', ...Object.keys(PROGRAMS), ...Object.keys(CHECKS)]
    const unknown = BLOCKS.filter(({ language }) => !known.includes(language))
    expect(unknown.map(({ file, lineNumber, language }) => `${file}:${lineNumber} ${language}`)).toEqual([])
  })

  it.each(BLOCKS.filter(({ language }) => language in CHECKS))(
    'in $language is right: $file, line $lineNumber',
    async (block) => CHECKS[block.language]?.(block),
    COMPILE_MS,
  )

  it('with values of the chart is what the chart takes', () => {
    const values = BLOCKS.filter(({ language, text }) => language === 'yaml' && text.startsWith('edges:'))
    expect(values).not.toEqual([])
    for (const { text } of values)
      expect(valuesFaults([parse(text) as Record<string, unknown>], [])).toEqual([])
  })
})

/** With the part of ESP-IDF's header that it uses; left out where there is no C compiler. */
function checkC({ text }: Block): void {
  const args = [
    '-fsyntax-only',
    '-Wall',
    '-Werror',
    '-I',
    path.join(PROJECT, 'test/docs/esp-idf'),
    '-x',
    'c',
    '-',
  ]
  const { error, status, stderr } = spawnSync('cc', args, { input: text, encoding: 'utf8' })
  if (error !== undefined) return
  expect(status, stderr).toBe(0)
}

async function checkTypes({ text, lineNumber }: Block): Promise<void> {
  const folder = path.join(PROJECT, '.tools', `docs-types-${process.pid}-${lineNumber}`)
  await mkdir(folder, { recursive: true })
  try {
    await writeFile(path.join(folder, 'block.ts'), text)
    const options = {
      extends: '../../tsconfig.base.json',
      compilerOptions: { types: ['node'], lib: ['es2024'] },
    }
    await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify({ ...options, include: ['*.ts'] }))
    const tsc = path.join(PROJECT, 'node_modules/typescript/bin/tsc')
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    expect(status, stdout).toBe(0)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('the check of drawings', () => {
  it.each([
    ['flowchart LR\n  a --> b', []],
    ['flowchart LR\n  a["x<br/>y"] -- "z" --> b[("c")]\n  subgraph s [t]\n  d\n  end', []],
    ['flowchart LR\n  a <-- "z" --> b([c])', []],
    ['flowchart LR\n  a ->> b', ['not a line of a flowchart: a ->> b']],
    ['flowchart LR\n  subgraph s', ['a subgraph without its end']],
    ['sequenceDiagram\n  participant a\n  a->>b: c', ['no participant b: a->>b: c']],
    ['sequenceDiagram\n  participant a as A\n  a->>a: b\n  Note over a: c', []],
    ['pie', ['no drawing that this check knows: pie']],
  ])('of %j finds %j', (text, faults) => {
    expect(mermaidFaults(text)).toEqual(faults)
  })
})

describe('a setting for Helm', () => {
  it.each([
    ['a.b=c', { a: { b: 'c' } }],
    ['a={b,c:1}', { a: ['b', 'c:1'] }],
    ['a=3', { a: 3 }],
  ])('%s is %j', (setting, values) => {
    const into = {}
    setValue(into, setting)
    expect(into).toEqual(values)
  })
})
