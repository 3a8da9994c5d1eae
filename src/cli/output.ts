// A command's output, for people or as JSON for scripts. The answer alone goes to stdout; notes go to stderr.
import Table from 'cli-table3'
import type { Command } from 'commander'
import pc from 'picocolors'
import { everywhere } from './global-options.ts'

export type Colors = ReturnType<typeof pc.createColors>

export interface Output {
  readonly json: boolean
  /** No-ops if colours are off. */
  readonly colors: Colors
  /** The answer, once in a command: the document as JSON, or as `text` renders it. */
  answer(document: unknown, text: () => string): void
  /** One of many answers: a line of JSON, or as `text` renders it. */
  item(document: unknown, text: () => string): void
  /** A note on stderr. */
  note(text: string): void
  table(head: readonly string[], rows: readonly (readonly string[])[]): string
}

export function outputOf(command: Command): Output {
  const { json, color } = everywhere(command)
  const colors = pc.createColors(!json && color && wantsColor())
  const write = (text: string) => {
    if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  }
  return {
    json,
    colors,
    answer: (document, text) => write(json ? JSON.stringify(document, null, 2) : text()),
    item: (document, text) => write(json ? JSON.stringify(document) : text()),
    note: (text) => void process.stderr.write(`${text}\n`),
    table: (head, rows) => table(colors, head, rows),
  }
}

/** https://no-color.org, and FORCE_COLOR for who wants them in a pipe. */
function wantsColor(): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0') return true
  return process.stdout.isTTY === true && TERM !== 'dumb'
}

const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((place) => [place, '']),
)

/** Columns with two spaces between them and no lines, so that `awk` and `cut` can read them too. */
function table(colors: Colors, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const made = new Table({
    head: head.map((one) => colors.bold(one)),
    chars: { ...NO_LINES, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  for (const row of rows) made.push([...row])
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
