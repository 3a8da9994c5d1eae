// A process of the system under chaos that can be killed, held, and started again on its port with its state.
import { type ChildProcess, fork } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit } from './at-exit.ts'

const READY_MS = 60_000
const STOP_MS = 10_000

/** What a fault does to a process. */
export interface Part {
  readonly name: string
  readonly running: boolean
  /** Rejects when it is not ready within this time. */
  start(ms?: number): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  hold(): void
  letGo(): void
  stop(): Promise<void>
}

export class ForkedPart implements Part {
  readonly name: string
  readonly #module: string
  readonly #env: Record<string, string>
  readonly #log: WriteStream
  #child: ChildProcess | null = null
  /** The process that does the work, where it is not the child itself. */
  #pid = 0

  constructor(name: string, module: string, env: Record<string, string>, logFile: string) {
    this.name = name
    this.#module = module
    this.#env = env
    this.#log = createWriteStream(logFile)
    atExit(() => this.#signal('SIGKILL'))
  }

  get running(): boolean {
    const child = this.#child
    return child !== null && child.exitCode === null && child.signalCode === null
  }

  /** Tried again where it ends before it is ready: a core whose store does not answer ends, and its pod starts anew. */
  async start(ms = READY_MS): Promise<void> {
    const deadline = Date.now() + ms
    for (;;) {
      try {
        await this.#launch(deadline - Date.now())
        return
      } catch (error) {
        await this.kill()
        if (Date.now() > deadline) throw error
        await sleep(300)
      }
    }
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#signal('SIGKILL')
    await ended(child)
  }

  hold(): void {
    if (this.#pid > 0) process.kill(this.#pid, 'SIGSTOP')
  }

  letGo(): void {
    try {
      if (this.#pid > 0) process.kill(this.#pid, 'SIGCONT')
    } catch {
      // It has ended.
    }
  }

  async stop(): Promise<void> {
    this.letGo()
    const child = this.#child
    if (child !== null && this.running) {
      child.kill('SIGTERM')
      await Promise.race([ended(child), sleep(STOP_MS, undefined, { ref: false })])
      this.#signal('SIGKILL')
    }
    this.#log.end()
  }

  #launch(ms: number): Promise<void> {
    return new Promise((ready, failed) => {
      const child = fork(this.#module, [], {
        env: { ...process.env, ...this.#env },
        // A group of its own, so that all of it can be killed, and Ctrl-C reaches only this process.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      })
      this.#child = child
      this.#pid = child.pid ?? 0
      child.stdout?.pipe(this.#log, { end: false })
      child.stderr?.pipe(this.#log, { end: false })
      const timer = setTimeout(() => failed(new Error(`${this.name} was not ready in time`)), ms)
      child.on('message', (message: { ready?: { pid?: number } }) => {
        if (message.ready === undefined) return
        this.#pid = message.ready.pid ?? child.pid ?? 0
        clearTimeout(timer)
        ready()
      })
      child.once('error', failed)
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        failed(new Error(`${this.name} ended (${signal ?? code}) before it was ready`))
      })
    })
  }

  /** To the child's whole group, and to what works for it. */
  #signal(signal: NodeJS.Signals): void {
    const group = this.#child?.pid
    for (const pid of [this.#pid, group === undefined ? 0 : -group]) {
      if (pid === 0) continue
      try {
        process.kill(pid, signal)
      } catch {
        // Gone already.
      }
    }
    if (signal === 'SIGKILL') this.#pid = 0
  }
}

function ended(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((done) => child.once('exit', () => done()))
}
