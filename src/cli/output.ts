// What a command prints: for people, or JSON for scripts. Stdout has the answer and nothing else; notes go to stderr.
import Table from 'cli-table3'
import type { Command } from 'commander'
import pc from 'picocolors'
import { everywhere } from './everywhere.ts'

export type Colors = ReturnType<typeof pc.createColors>

export interface Output {
  readonly json: boolean
  /** They do nothing where colours are not wanted. */
  readonly colors: Colors
  /** The answer: the document, or what `text` makes of it. Once in a command. */
  answer(document: unknown, text: () => string): void
  /** One of many that come: one JSON document a line, or what `text` makes of it. */
  item(document: unknown, text: () => string): void
  /** What is no answer. */
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
