// Finds the examples of the `starling` command in the README's sh blocks.

export interface Example {
  /** As a shell runs it, with `starling` for however the README calls it, and without the comment behind it. */
  readonly line: string
  /** From the command's name on: `token lamp --json`. */
  readonly words: string
  /** The variable that it is put into: `app` for `app=$(starling token app)`. */
  readonly variable: string | null
  /** The lines that the README says it prints; `…` stands for anything. Null where it says nothing. */
  readonly output: readonly string[] | null
  readonly exit: number
  /** Of the README, for messages. */
  readonly lineNumber: number
}

const AS_NPM_RUN = /npm run -s starling --(?= |$)/g
const AS_NPM_START = /^npm start(?: --)?(?= |$)/
const OUTPUT = /^# ?(.*)$/

export function examplesIn(markdown: string): Example[] {
  const examples: Example[] = []
  let inBlock = false
  for (const [at, text] of markdown.split('\n').entries()) {
    if (text.startsWith('```')) {
      inBlock = text === '```sh'
      continue
    }
    if (!inBlock) continue
    const said = OUTPUT.exec(text)?.[1]
    const before = examples.at(-1)
    if (said !== undefined && before !== undefined && before.lineNumber + linesOf(before) === at + 1) {
      examples[examples.length - 1] = { ...before, output: [...(before.output ?? []), said] }
      continue
    }
    const example = exampleIn(text, at + 1)
    if (example !== null) examples.push(example)
  }
  return examples
}

function linesOf({ output }: Example): number {
  return 1 + (output?.length ?? 0)
}

function exampleIn(text: string, lineNumber: number): Example | null {
  const [code = '', comment = ''] = text.split(/\s+# /)
  const line = code.replace(AS_NPM_RUN, 'starling').replace(AS_NPM_START, 'starling up').trim()
  const [, words] = /(?:^|\$\(|[|;&] *)starling ([^)|]+)/.exec(line) ?? []
  if (words === undefined) return null
  const [, variable = null] = /^(\w+)=\$\(starling /.exec(line) ?? []
  const exit = Number(/exit code (\d+)/.exec(comment)?.[1] ?? 0)
  return { line, words: words.trim(), variable, output: null, exit, lineNumber }
}

/** Null where the text is as the README says, but for the width of a table's columns, else the first line that is not. */
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
