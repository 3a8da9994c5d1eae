// Every example of the `starling` command in README.md is run, from top to bottom, against one real system of eu and us.
//
// To add one, write it into a ```sh block of the README as `starling <command> …` (`npm start -- …` is `starling up …`):
//   - Behind it, ` # …` says what it is for. `exit code 3` there is the exit code that it must have; else that is 0.
//   - Lines of `# …` right below it are what it must print; `…` stands for anything, and alone, as the last, for any lines.
//   - `name=$(starling …)` keeps what it prints in $name for the examples below it.
// What it needs around it, such as a client that is connected or a message that comes, is said in examples.ts.
// Each is run a second time with --json behind it, which must print JSON: a document, or one a line.
// A command without an example fails the last test.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command as CommanderCommand } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { starlingProgram } from '../../src/cli/program.ts'
import { CASSANDRA_ABSENT, CASSANDRA_START_MS, cassandraContactPoints } from '../cassandra/contact-points.ts'
import { Command, PROJECT, quoted } from '../clients/commands.ts'
import { SYSTEM_START_MS, System, until } from '../e2e/system.ts'
import { surroundingsOf } from './examples.ts'
import { differsFrom, type Example, examplesIn } from './readme-blocks.ts'

const EXAMPLE_MS = 60_000
const UP_MS = 120_000
const BETWEEN_MS = 200

const EXAMPLES = examplesIn(await readFile(path.join(PROJECT, 'README.md'), 'utf8'))
const isUp = ({ words }: Example) => /^up( |$)/.test(words)

let system: System
let bin: string
const variables: Record<string, string> = {}
const jsonSeen = new Set<string>()

beforeAll(async () => {
  bin = await mkdtemp(path.join(tmpdir(), 'starling-bin-'))
  const script = `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(path.join(PROJECT, 'src/cli/starling.ts'))} --dir "$STARLING_TEST_DIR" "$@"\n`
  await writeFile(path.join(bin, 'starling'), script, { mode: 0o755 })
  system = await System.start({ history: 'devices/+/telemetry=7d' })
}, SYSTEM_START_MS)
afterAll(async () => {
  await system?.stop()
  await rm(bin, { recursive: true, force: true })
})

function start(line: string): Command {
  return new Command(line, {
    PATH: `${bin}:${process.env.PATH}`,
    STARLING_TEST_DIR: system.dir,
    NO_COLOR: '1',
    ...variables,
  })
}

/** Runs an example to its end, with what it needs around it. */
async function run(example: Example, line: string): Promise<string> {
  const { before, during, endless } = surroundingsOf(example.words)
  const after = await before?.(system)
  try {
    const command = start(endless ? `exec ${line}` : line)
    let over = false
    const ended = command.ended(EXAMPLE_MS).finally(() => {
      over = true
    })
    const things = (async () => {
      while (!over && during !== undefined) {
        await during(system)
        await sleep(BETWEEN_MS)
      }
    })()
    if (endless) {
      const lines = line === example.line ? (example.output?.length ?? 1) : 1
      await until(() => over || command.stdout.split('\n').length > lines, EXAMPLE_MS)
      await command.interrupt()
    }
    const { code, stdout, stderr } = await ended
    await things
    expect(code, `${line}\n${stdout}\n${stderr}`).toBe(example.exit)
    return stdout
  } finally {
    await after?.()
  }
}

/** The example with --json, if it can be run so. */
function jsonLine(example: Example): string | null {
  const { forJson } = surroundingsOf(example.words)
  if (example.exit !== 0) return null
  if (forJson !== undefined) return `starling ${forJson} --json`
  const last = example.line.split('|').at(-1)?.trim() ?? ''
  if (!last.startsWith('starling ') || /[;&>]/.test(last)) return null
  return example.words.includes('--json') ? example.line : `${example.line} --json`
}

function checkJson(line: string, stdout: string): void {
  const texts = isJson(stdout) ? [stdout] : stdout.trimEnd().split('\n')
  expect(texts.every(isJson), `${line} must print JSON, not\n${stdout}`).toBe(true)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The commands that do something, by their whole names: `token`, `device create`. */
function commandNames(command: CommanderCommand, before = ''): string[] {
  const below = command.commands.filter((one) => one.name() !== 'help')
  const name = (one: CommanderCommand) => `${before}${one.name()}`
  return below.flatMap((one) =>
    one.commands.length === 0 ? [name(one)] : commandNames(one, `${name(one)} `),
  )
}

const NAMES = commandNames(starlingProgram())
const nameOf = ({ words }: Example) => NAMES.find((name) => words === name || words.startsWith(`${name} `))

describe('the README’s example', () => {
  it.each(EXAMPLES.filter((one) => !isUp(one)))(
    '`$line` does what it says (line $lineNumber)',
    async (example) => {
      const stdout = await run(
        example,
        example.variable === null ? example.line : example.line.slice(example.variable.length + 3, -1),
      )
      if (example.variable !== null) variables[example.variable] = stdout.trimEnd()
      if (example.output !== null) {
        const andMore = surroundingsOf(example.words).endless ? ['…'] : []
        expect(differsFrom([...example.output, ...andMore], stdout)).toBeNull()
      }
      const line = jsonLine(example)
      if (line === null) return
      checkJson(line, line === example.line ? stdout : await run(example, line))
      jsonSeen.add(nameOf(example) ?? '')
    },
    3 * EXAMPLE_MS,
  )

  it.each(EXAMPLES.filter(isUp))(
    '`$line` starts a system (line $lineNumber)',
    async ({ line }) => {
      const withCassandra = line.includes('--cassandra')
      if (withCassandra && CASSANDRA_ABSENT) return
      const [contactPoint = ''] = withCassandra ? ((await cassandraContactPoints()) ?? []) : []
      const dir = await mkdtemp(path.join(tmpdir(), 'starling-readme-'))
      const here = `exec ${line.replace('127.0.0.1:9042', contactPoint)} --port 0 --dir ${quoted(dir)}`
      for (const json of ['', ' --json']) {
        const command = start(`${here}${withCassandra ? ' --keyspace readme' : ''}${json}`)
        try {
          await until(() => command.stdout.includes(json === '' ? 'Ctrl-C stops' : 'adminToken'), UP_MS)
        } finally {
          await command.interrupt()
        }
        const { code, stdout } = await command.ended()
        expect(code).toBe(0)
        if (json !== '') checkJson(here, stdout)
      }
      jsonSeen.add('up')
      await rm(dir, { recursive: true, force: true })
    },
    CASSANDRA_START_MS + 2 * UP_MS,
  )

  it('is there for every command, and each prints JSON when it is asked to', () => {
    expect(NAMES).toContain('token')
    expect(NAMES.filter((name) => !EXAMPLES.some((one) => nameOf(one) === name))).toEqual([])
    expect(NAMES.filter((name) => !jsonSeen.has(name))).toEqual([])
  })

  it('names only commands that there are', () => {
    expect(EXAMPLES.filter((one) => nameOf(one) === undefined).map(({ line }) => line)).toEqual([])
  })
})

describe('what the README says is printed', () => {
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

  it('is found below its example, in sh blocks only', () => {
    const text =
      '```sh\nnpm run -s starling -- a b   # why, exit code 3\n# c\n# d\n\nx=$(starling e)\nnpm start -- --f\ncurl x\n```\nstarling g\n'
    expect(examplesIn(text)).toEqual([
      { line: 'starling a b', words: 'a b', variable: null, output: ['c', 'd'], exit: 3, lineNumber: 2 },
      { line: 'x=$(starling e)', words: 'e', variable: 'x', output: null, exit: 0, lineNumber: 6 },
      { line: 'starling up --f', words: 'up --f', variable: null, output: null, exit: 0, lineNumber: 7 },
    ])
  })
})
