// Style that holds for every source, and that the check would find a breach.
import { describe, expect, test } from 'vitest'
import { sourcesIn } from './sources.ts'
import { defaultExports, headless, LINES_MAX, LONG_FILES, longFiles } from './style-rules.ts'

const shipped = sourcesIn('src', 'actors', 'k8s-core')
const all = [...shipped, ...sourcesIn('test'), ...sourcesIn('.').filter(({ file }) => !file.includes('/'))]

test('nothing but the Worker and the test runner’s configuration has a default export', () => {
  expect(all.some(({ file }) => file === 'vitest.config.ts')).toBe(true)
  expect(all.flatMap(defaultExports)).toEqual([])
})

test(`no source has more than ${LINES_MAX} lines without a reason`, () => {
  expect(shipped.flatMap((source) => longFiles(source))).toEqual([])
  expect(Object.keys(LONG_FILES).filter((file) => !shipped.some((one) => one.file === file))).toEqual([])
})

test('every source begins with a comment that says what it is', () => {
  expect(shipped.flatMap(headless)).toEqual([])
})

describe('the checks', () => {
  test.each([
    'export default app',
    'export default function () {}',
    'export { app as default }',
    "export { default } from './x.ts'",
    "import x from './x.ts'\nexport default class X {}\n",
  ])('find the default export in %j', (text) => {
    expect(defaultExports({ file: 'src/id/x.ts', text })).toEqual(['src/id/x.ts has a default export'])
    expect(defaultExports({ file: 'actors/hosts/workerd/worker.ts', text })).toEqual([])
  })

  test.each(['export const x = 1', '  default:\n    return 1', '// the default export is missing'])(
    'find none in %j',
    (text) => {
      expect(defaultExports({ file: 'src/id/x.ts', text })).toEqual([])
    },
  )

  test('count lines, with or without an end of the last one', () => {
    const source = (lines: number, end: string) => ({
      file: 'src/a.ts',
      text: `${'x\n'.repeat(lines - 1)}x${end}`,
    })
    expect(longFiles(source(LINES_MAX, '\n'))).toEqual([])
    expect(longFiles(source(LINES_MAX, ''))).toEqual([])
    expect(longFiles(source(LINES_MAX + 1, ''))).toEqual([
      `src/a.ts has ${LINES_MAX + 1} lines, more than ${LINES_MAX}`,
    ])
  })

  test('let a file be long for a reason, and complain of a reason that is no longer needed', () => {
    const long = { file: 'src/a.ts', text: 'x\n'.repeat(LINES_MAX + 1) }
    expect(longFiles(long, { 'src/a.ts': 'a table' })).toEqual([])
    expect(longFiles(long, { 'src/a.ts': '' })).toHaveLength(1)
    expect(longFiles({ ...long, text: 'x\n' }, { 'src/a.ts': 'a table' })).toHaveLength(1)
  })

  test.each([
    '',
    "import x from 'x'",
    'const x = 1 // a comment too late',
    '//\nconst x = 1',
    '// todo',
    '/// <reference />',
  ])('find no first comment in %j', (text) => {
    expect(headless({ file: 'src/a.ts', text })).toHaveLength(1)
  })

  test.each([
    '// What it is for.\n',
    '#!/usr/bin/env node\n// What it is for.',
    '/* What it is for. */',
    '/**\n * What it is for.\n */',
  ])('take %j for a first comment', (text) => {
    expect(headless({ file: 'src/a.ts', text })).toEqual([])
  })
})
