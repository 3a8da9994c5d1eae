// How the examples of a page are found, and how what they print is compared.
import { describe, expect, it } from 'vitest'
import { blocksIn } from './pages.ts'
import { differsFrom, examplesIn } from './sh-examples.ts'

describe('what a page says is printed', () => {
  it.each([
    [['a', 'b'], 'a\nb\n', null],
    [['a … c'], 'a b c\n', null],
    [['a', '…'], 'a\nb\nc\n', null],
    [['a  b'], 'a     b\n', null],
    [['a b'], 'a  b\n', 'it prints: a  b\nnot:       a b'],
    [['a.'], 'ab\n', 'it prints: ab\nnot:       a.'],
    [['a', 'b'], 'a\n', 'it does not print: b'],
    [['a'], 'a\nb\n', 'it also prints: b'],
  ])('%j for %j: %j', (stated, printed, difference) => {
    expect(differsFrom(stated, printed)).toBe(difference)
  })
})

describe('an example', () => {
  const none = { words: '', variable: null, output: null, exit: 0 }

  it('is found in blocks, with the lines below it that say what it prints', () => {
    const text =
      '```sh\nnpm run -s starling -- a b   # why, exit code 3\n# c\n# d\n\nx=$(starling e)\nnpm start -- --f\ncurl x\n```\nstarling g\n'
    const [block] = blocksIn(text)
    expect(examplesIn(block!)).toEqual([
      {
        ...none,
        program: 'starling',
        line: 'starling a b',
        words: 'a b',
        output: ['c', 'd'],
        exit: 3,
        lineNumber: 2,
      },
      { ...none, program: 'starling', line: 'x=$(starling e)', words: 'e', variable: 'x', lineNumber: 6 },
      { ...none, program: 'starling', line: 'starling up --f', words: 'up --f', lineNumber: 7 },
      { ...none, program: 'curl', line: 'curl x', lineNumber: 8 },
    ])
  })

  it('may go on over several lines, be exported, and be run by npx', () => {
    const text =
      'export T=$(starling token a)\ncurl -f \\\n  x\n# y\nnpx mqtt sub\nA=1 helm lint\nnpm install && npm start'
    expect(examplesIn({ language: 'sh', text, lineNumber: 10 })).toEqual([
      {
        ...none,
        program: 'starling',
        line: 'export T=$(starling token a)',
        words: 'token a',
        variable: 'T',
        lineNumber: 10,
      },
      { ...none, program: 'curl', line: 'curl -f x', output: ['y'], lineNumber: 11 },
      { ...none, program: 'mqtt', line: 'npx mqtt sub', lineNumber: 14 },
      { ...none, program: 'helm', line: 'A=1 helm lint', lineNumber: 15 },
      { ...none, program: 'starling', line: 'starling up', words: 'up', lineNumber: 16 },
    ])
  })
})
