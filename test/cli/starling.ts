// Runs the command as a script does: its arguments, its exit code, what is on stdout and stderr.
import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { PROJECT } from '../clients/commands.ts'
import { until } from '../e2e/system.ts'

const CLI = path.join(PROJECT, 'src/cli/starling.ts')
const END_MS = 60_000

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Running {
  stdout = Buffer.alloc(0)
  stderr = ''
  readonly process: ChildProcess
  readonly #closed: Promise<number | null>

  constructor(
    args: readonly string[],
    { env = {}, input }: { env?: Record<string, string>; input?: Buffer } = {},
  ) {
    const clean = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^STARLING_|COLOR/.test(name)),
    )
    const child = spawn(process.execPath, [CLI, ...args], { cwd: PROJECT, env: { ...clean, ...env } })
    this.process = child
    child.stdout.on('data', (chunk: Buffer) => {
      this.stdout = Buffer.concat([this.stdout, chunk])
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    this.#closed = new Promise((done) => child.once('close', done))
  }

  get lines(): string[] {
    return this.stdout.toString().trimEnd().split('\n').filter(Boolean)
  }

  async ended(): Promise<Ran> {
    const tooLate = setTimeout(() => this.process.kill('SIGKILL'), END_MS)
    const code = await this.#closed
    clearTimeout(tooLate)
    return { code, stdout: this.stdout.toString(), stderr: this.stderr }
  }

  /** Waits until so many lines are on stdout, or until it has said this on stderr. */
  async has(what: number | string, ms = 30_000): Promise<void> {
    const there = () => (typeof what === 'number' ? this.lines.length >= what : this.stderr.includes(what))
    await until(() => there() || this.process.exitCode !== null, ms).catch(() => undefined)
    if (!there()) throw new Error(`not ${what}, but\n${this.stdout}\n${this.stderr}`)
  }
}

export function starling(args: readonly string[], options: ConstructorParameters<typeof Running>[1] = {}) {
  return new Running(args, options).ended()
}
