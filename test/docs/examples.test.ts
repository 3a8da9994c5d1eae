// Every code block of README.md and docs/ that can be run is run, page by page and from top to bottom, against one real system
// of eu and us. What cannot be run here (a deployment, an installation) is checked: other-commands.ts and checked-blocks.test.ts.
//
// To add a command line, write it into a ```sh block (`npm start -- …` is `starling up …`):
//   - Behind it, ` # …` says what it is for. `exit code 3` there is the exit code that it must have; else that is 0.
//   - Lines of `# …` right below it are what it must print; `…` stands for anything, and alone, as the last, for any lines.
//   - `name=$(…)`, or `export name=$(…)`, keeps what it prints in $name for what follows on the page.
//   - Ports 8800, 8801 and 8802 are the core, eu and us, as of a fresh `npm start`.
// What an example of `starling` needs around it, such as a client that is connected, is said in surroundings.ts. Each of them is
// run a second time with --json, which must print JSON: a document, or one a line. One without an example fails the last test.
// A ```js, ```ts, ```python or ```html block is a program: it sees the page's variables and must end with exit code 0; lines
// of `// prints …` or `# prints …` in it are what it must print.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command as CommanderCommand } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { starlingProgram } from '../../src/cli/program.ts'
import { CASSANDRA_ABSENT, CASSANDRA_START_MS, cassandraContactPoints } from '../cassandra/contact-points.ts'
import { Command, PROJECT, quoted } from '../clients/commands.ts'
import { SYSTEM_START_MS, System, until } from '../e2e/system.ts'
import { checkOther } from './other-commands.ts'
import { type Block, readPages } from './pages.ts'
import { type Place, PROGRAMS, runProgram } from './programs.ts'
import { differsFrom, type Example, examplesIn } from './sh-examples.ts'
import { surroundingsOf } from './surroundings.ts'

const EXAMPLE_MS = 60_000
const UP_MS = 120_000
const BETWEEN_MS = 200

const isUp = ({ words }: Example) => /^up( |$)/.test(words)
const PAGES = readPages()
  .map(({ file, blocks }) => ({ file, blocks, examples: blocks.filter(isShell).flatMap(examplesIn) }))
  .filter(({ blocks }) => stepsOf(blocks).length > 0)
const EXAMPLES = PAGES.flatMap(({ examples }) => examples)

function isShell({ language }: Block): boolean {
  return language === 'sh'
}

type Step = { readonly example: Example } | { readonly program: Block }
function stepsOf(blocks: readonly Block[]): Step[] {
  return blocks.flatMap((block): Step[] => {
    if (isShell(block)) return examplesIn(block).map((example) => ({ example }))
    return block.language in PROGRAMS ? [{ program: block }] : []
  })
}

let system: System
let bin: string
let place: Place
const jsonSeen = new Set<string>()

beforeAll(async () => {
  bin = await mkdtemp(path.join(tmpdir(), 'starling-bin-'))
  const cli = quoted(path.join(PROJECT, 'src/cli/starling.ts'))
  const starling = `exec ${quoted(process.execPath)} ${cli} --dir "$STARLING_TEST_DIR" "$@"`
  await writeFile(path.join(bin, 'starling'), `#!/bin/sh\n${starling}\n`, { mode: 0o755 })
  // Quiet, and with an exit code for what HTTP refuses.
  const curl = `PATH=${quoted(process.env.PATH ?? '')} exec curl --fail-with-body --silent --show-error --max-time 30 "$@"`
  await writeFile(path.join(bin, 'curl'), `#!/bin/sh\n${curl}\n`, { mode: 0o755 })
  system = await System.start({ history: 'devices/+/telemetry=7d' })
  const { core, regions } = await system.local()
  const port = (url: string | undefined) => new URL(url ?? '').port
  place = {
    ports: { 8800: port(core.http), 8801: port(regions.eu?.http), 8802: port(regions.us?.http) },
    folder: path.join(PROJECT, '.tools', `docs-${process.pid}`),
  }
  await mkdir(place.folder, { recursive: true })
}, SYSTEM_START_MS)
afterAll(async () => {
  await system?.stop()
  await rm(bin, { recursive: true, force: true })
  await rm(place.folder, { recursive: true, force: true })
})

type Variables = Record<string, string>

function start(line: string, variables: Variables): Command {
  return new Command(here(line), {
    PATH: `${bin}:${process.env.PATH}`,
    STARLING_TEST_DIR: system.dir,
    NO_COLOR: '1',
    ...variables,
  })
}

/** With the ports of this system. */
function here(text: string): string {
  return text.replaceAll(/(?<!\d)880[0-2](?!\d)/g, (port) => place.ports[port] ?? port)
}

/** Runs an example to its end, with what it needs around it. */
async function run(example: Example, line: string, variables: Variables): Promise<string> {
  const { before, during, endless } = surroundingsOf(wordsOf(line) ?? example.words)
  const forEver = endless === true || isStream(line)
  const after = await before?.(system)
  try {
    const command = start(forEver ? `exec ${line}` : line, variables)
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
    if (forEver) {
      const lines = line === example.line ? (example.output?.length ?? 1) : 1
      await until(() => over || command.stdout.split('\n').length > lines, EXAMPLE_MS)
      await command.interrupt()
    }
    const { code, stdout, stderr } = await ended
    await things
    // What is not ours need not know Ctrl-C.
    const codes = forEver && example.program !== 'starling' ? [0, null, 130] : [example.exit]
    expect(codes, `${line}\n${stdout}\n${stderr}`).toContain(code)
    return stdout
  } finally {
    await after?.()
  }
}

/** Programs of others that go on until Ctrl-C. */
function isStream(line: string): boolean {
  return /^curl .*-N /.test(line) || line.startsWith('npx mqtt sub')
}

function wordsOf(line: string): string | undefined {
  return /^(?:exec )?starling ([^|]+?)(?: --json)?$/.exec(line)?.[1]
}

/** The example with --json, if it can be run so. */
function jsonLine(example: Example): string | null {
  if (example.program !== 'starling' || example.exit !== 0) return null
  const { forJson } = surroundingsOf(example.words)
  if (forJson !== undefined) return `starling ${forJson} --json`
  const line = example.variable === null ? example.line : insideOf(example)
  const last = line.split('|').at(-1)?.trim() ?? ''
  if (!last.startsWith('starling ') || /[;&>]/.test(last)) return null
  return example.words.includes('--json') ? line : `${line} --json`
}

const insideOf = ({ line }: Example) => line.slice(line.indexOf('$(') + 2, -1)

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
/** Programs whose lines are run; those of all others are checked. */
const RUN: readonly string[] = ['starling', 'curl', 'mqtt', 'node']

describe.each(PAGES)('the examples of $file', ({ blocks }) => {
  const variables: Variables = {}
  const beside: { readonly example: Example; readonly command: Command }[] = []

  afterAll(async () => {
    for (const { command } of beside) await command.interrupt()
  })

  for (const step of stepsOf(blocks)) {
    if ('program' in step) {
      const { language, lineNumber } = step.program
      it(
        `in ${language} at line ${lineNumber} does what it says`,
        () => runProgram({ ...step.program, text: here(step.program.text) }, variables, place),
        3 * EXAMPLE_MS,
      )
      continue
    }
    const { example } = step
    const title = `\`${example.line}\` (line ${example.lineNumber})`
    if (isUp(example)) continue
    if (!RUN.includes(example.program)) {
      it(`${title} can be done`, () => checkOther(example, variables), EXAMPLE_MS)
      continue
    }
    it(
      `${title} does what it says`,
      async () => {
        const { beside: ready } = surroundingsOf(example.words)
        if (ready !== undefined) {
          const command = start(`exec ${example.line}`, variables)
          beside.push({ example, command })
          await command.says('stderr', ready)
        } else {
          const stdout = await run(
            example,
            example.variable === null ? example.line : insideOf(example),
            variables,
          )
          if (example.variable !== null) variables[example.variable] = stdout.trimEnd()
          if (example.output !== null) {
            const goesOn = surroundingsOf(example.words).endless === true || isStream(example.line)
            const andMore = goesOn ? ['…'] : []
            expect(differsFrom([...example.output, ...andMore], stdout)).toBeNull()
          }
          const line = jsonLine(example)
          if (line === null) return
          checkJson(line, line === example.line ? stdout : await run(example, line, variables))
          jsonSeen.add(nameOf(example) ?? '')
          return
        }
        const line = jsonLine(example)
        if (line === null || jsonSeen.has(nameOf(example) ?? '')) return
        checkJson(line, await run(example, line, variables))
        jsonSeen.add(nameOf(example) ?? '')
      },
      3 * EXAMPLE_MS,
    )
  }
})

describe('an example', () => {
  it.each([...new Map(EXAMPLES.filter(isUp).map((one) => [one.line, one])).values()])(
    '`$line` starts a system (line $lineNumber)',
    async ({ line }) => {
      const withCassandra = line.includes('--cassandra')
      if (withCassandra && CASSANDRA_ABSENT) return
      const [contactPoint = ''] = withCassandra ? ((await cassandraContactPoints()) ?? []) : []
      const dir = await mkdtemp(path.join(tmpdir(), 'starling-docs-'))
      const own = `exec ${line.replace('127.0.0.1:9042', contactPoint)} --port 0 --dir ${quoted(dir)}`
      for (const json of ['', ' --json']) {
        const command = start(`${own}${withCassandra ? ' --keyspace docs' : ''}${json}`, {})
        try {
          await until(() => command.stdout.includes(json === '' ? 'Ctrl-C stops' : 'adminToken'), UP_MS)
        } finally {
          await command.interrupt()
        }
        const { code, stdout } = await command.ended()
        expect(code).toBe(0)
        if (json !== '') checkJson(own, stdout)
      }
      jsonSeen.add('up')
      await rm(dir, { recursive: true, force: true })
    },
    CASSANDRA_START_MS + 2 * UP_MS,
  )

  it('is there for every command of starling, and each prints JSON when it is asked to', () => {
    expect(NAMES).toContain('token')
    expect(NAMES.filter((name) => !EXAMPLES.some((one) => nameOf(one) === name))).toEqual([])
    expect(NAMES.filter((name) => !jsonSeen.has(name))).toEqual([])
  })

  it('names only commands of starling that there are', () => {
    const wrong = EXAMPLES.filter((one) => one.program === 'starling' && nameOf(one) === undefined)
    expect(wrong.map(({ line }) => line)).toEqual([])
  })
})
