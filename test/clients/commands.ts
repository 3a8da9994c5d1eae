// Command lines as a user types them into a terminal: run by a shell in the project's folder, ended by Ctrl-C.
import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { until } from '../e2e/system.ts'

export const PROJECT = path.join(import.meta.dirname, '../..')
const END_MS = 30_000
const STDERR_SHOWN_MAX = 3_000

/** One argument of a shell's command line, whatever is in it. */
export function quoted(argument: string): string {
  return `'${argument.replaceAll("'", "'\\''")}'`
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Command {
  readonly line: string
  stdout = ''
  stderr = ''
  private readonly process: ChildProcess
  private readonly closed: Promise<number | null>

  /** Its whole group is ended with it: npx is the parent of what it runs. */
  constructor(line: string, env: Record<string, string> = {}) {
    this.line = line
    const child = spawn('sh', ['-c', line], {
      cwd: PROJECT,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.closed = new Promise((done) => child.once('close', done))
  }

  /** Waits until it ends by itself. */
  async ended(ms = END_MS): Promise<Ended> {
    const tooLate = setTimeout(() => this.signal('SIGKILL'), ms)
    const code = await this.closed
    clearTimeout(tooLate)
    return { code, stdout: this.stdout, stderr: this.stderr }
  }

  async interrupt(): Promise<void> {
    this.signal('SIGINT')
    await this.ended()
  }

  async says(stream: 'stdout' | 'stderr', text: string): Promise<void> {
    await until(() => this[stream].includes(text) || this.over).catch(() => undefined)
    if (!this[stream].includes(text))
      throw new Error(
        `'${this.line}' did not say '${text}', but\n${this.stdout}\n${this.stderr.slice(-STDERR_SHOWN_MAX)}`,
      )
  }

  private get over(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }

  private signal(signal: NodeJS.Signals): void {
    try {
      if (this.process.pid !== undefined) process.kill(-this.process.pid, signal)
    } catch {
      // Gone already.
    }
  }
}

export function run(line: string): Promise<Ended> {
  return new Command(line).ended()
}
