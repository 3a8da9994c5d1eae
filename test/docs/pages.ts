// README.md and the pages under docs/, and the code blocks in them.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { PROJECT } from '../clients/commands.ts'

/** A fenced block: ```sh … ```. */
export interface Block {
  /** What stands behind the fence: `sh`, `python`; empty where nothing does. */
  readonly language: string
  readonly text: string
  /** Of the first line inside, in its page; counted from 1. */
  readonly lineNumber: number
}

export interface Page {
  /** From the project's folder: `docs/cli.md`. */
  readonly file: string
  readonly text: string
  readonly blocks: readonly Block[]
}

/** The README first, then docs/ by name. */
export function readPages(): Page[] {
  const files = globSync('docs/**/*.md', { cwd: PROJECT }).map((file) => file.split(path.sep).join('/'))
  return ['README.md', ...files.sort()].map((file) => {
    const text = readFileSync(path.join(PROJECT, file), 'utf8')
    return { file, text, blocks: blocksIn(text) }
  })
}

export function blocksIn(markdown: string): Block[] {
  const blocks: Block[] = []
  let open: { readonly language: string; readonly lineNumber: number; readonly lines: string[] } | null = null
  for (const [at, line] of markdown.split('\n').entries()) {
    const [, language] = /^ {0,3}```(.*)$/.exec(line) ?? []
    if (language === undefined) open?.lines.push(line)
    else if (open === null) open = { language: language.trim(), lineNumber: at + 2, lines: [] }
    else {
      blocks.push({ language: open.language, text: open.lines.join('\n'), lineNumber: open.lineNumber })
      open = null
    }
  }
  return blocks
}

/** The text without its code blocks, line by line where it was. */
export function proseOf({ text }: Page): string[] {
  let inBlock = false
  return text.split('\n').map((line) => {
    const fence = /^ {0,3}```/.test(line)
    if (fence) inBlock = !inBlock
    return fence || inBlock ? '' : line
  })
}
