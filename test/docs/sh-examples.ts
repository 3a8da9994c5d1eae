// The examples in a page's sh blocks: one for each command line, with what the page says that it prints.
import type { Block } from './pages.ts'

export interface Example {
  /** As a shell runs it, with `starling` for however the page calls it, and without the comment at its end. */
  readonly line: string
  /** The program that it is about: `starling`, `curl`, `helm`. */
  readonly program: string
  /** Of the `starling` command, from the command's name on: `token lamp --json`. Empty for other programs. */
  readonly words: string
  /** The variable that gets what it prints: `app` for `app=$(starling token app)`. */
  readonly variable: string | null
  /** The lines that the page says it prints; `…` stands for anything. Null where the page says nothing. */
  readonly output: readonly string[] | null
  readonly exit: number
  /** Of the page, for messages. */
  readonly lineNumber: number
}

const AS_NPM_RUN = /npm run -s starling --(?= |$)/g
const AS_NPM_START = /(?:^|&& )npm start(?: --)?(?= |$)/
const OUTPUT = /^# ?(.*)$/
const VARIABLE = /^(?:export )?(\w+)=\$\((.*)\)$/

export function examplesIn({ text, lineNumber: first }: Block): Example[] {
  const examples: Example[] = []
  /** The line that `…` of an example's output may follow on. */
  let next = -1
  for (const { line, at, lines } of commandLines(text)) {
    const said = OUTPUT.exec(line)?.[1]
    const before = examples.at(-1)
    if (said !== undefined) {
      if (before !== undefined && at === next) {
        examples[examples.length - 1] = { ...before, output: [...(before.output ?? []), said] }
        next = at + 1
      }
      continue
    }
    if (line.trim() === '') continue
    examples.push(exampleIn(line, first + at))
    next = at + lines
  }
  return examples
}

interface CommandLine {
  readonly line: string
  /** Of its first line, from the block's beginning. */
  readonly at: number
  readonly lines: number
}

/** A line that ends with a backslash goes on in the next one. */
function commandLines(text: string): CommandLine[] {
  const found: CommandLine[] = []
  let parts: string[] = []
  for (const [at, part] of text.split('\n').entries()) {
    parts.push(part)
    if (part.endsWith('\\')) continue
    const line = parts.map((one) => one.replace(/\s*\\$/, ''))
    const [first = '', ...rest] = line
    found.push({
      line: [first, ...rest.map((one) => one.trim())].join(' '),
      at: at - rest.length,
      lines: line.length,
    })
    parts = []
  }
  return found
}

function exampleIn(text: string, lineNumber: number): Example {
  const [code = '', comment = ''] = text.split(/\s+# /)
  const line = code.replace(AS_NPM_RUN, 'starling').replace(AS_NPM_START, 'starling up').trim()
  const up = /^npm install +(starling up.*)$/.exec(line)?.[1]
  const whole = up ?? line
  const [, variable = null, inner = whole] = VARIABLE.exec(whole) ?? []
  const [, words = ''] = /(?:^|\$\(|[|;&] *)starling ([^)|]+)/.exec(inner) ?? []
  const program = words !== '' && !inner.startsWith('curl ') ? 'starling' : programOf(inner)
  const exit = Number(/exit code (\d+)/.exec(comment)?.[1] ?? 0)
  return {
    line: whole,
    program,
    words: program === 'starling' ? words.trim() : '',
    variable,
    output: null,
    exit,
    lineNumber,
  }
}

/** The first word that is no assignment, and what `npx` runs. */
function programOf(line: string): string {
  const [first = '', second = ''] = line.split(/\s+/).filter((word) => !/^\w+=/.test(word))
  return first === 'npx' ? second : first
}

/** Null where the text is as the page says, but for the width of a table's columns, else the first line that is not. */
export function differsFrom(stated: readonly string[], printed: string): string | null {
  const lines = printed.trimEnd().split('\n')
  const narrow = (line: string) => line.trimEnd().replaceAll(/ {2,}/g, '  ')
  const pattern = (line: string) =>
    new RegExp(
      `^${narrow(line)
        .split('…')
        .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`,
    )
  // A line that is … alone stands for any number of lines.
  if (stated.at(-1) === '…') {
    const known = stated.slice(0, -1)
    return differsFrom(known, lines.slice(0, known.length).join('\n'))
  }
  for (let i = 0; i < Math.max(stated.length, lines.length); i++) {
    const [wanted, is] = [stated[i], lines[i]]
    if (wanted === undefined) return `it also prints: ${is}`
    if (is === undefined) return `it does not print: ${wanted}`
    if (!pattern(wanted).test(narrow(is))) return `it prints: ${is}\nnot:       ${wanted}`
  }
  return null
}
