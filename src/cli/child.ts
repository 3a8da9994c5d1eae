// A process of the local run, restarted on the same port when it dies.
import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

const RESTART_PAUSE_MS = 300
const READY_WAIT_MS = 60_000
const STOP_WAIT_MS = 10_000

export interface ChildSetting {
  readonly name: string
  readonly module: string
  readonly env: Record<string, string>
  /** The process that does the work if it is not the child itself; known once the child is ready. */
  readonly onReady: (ready: { readonly port: number; readonly pid: number }) => void | Promise<void>
  readonly say: (line: string) => void
}

export class Child {
  private readonly setting: ChildSetting
  private process: ChildProcess | null = null
  private workPid = 0
  private stopping = false

  constructor(setting: ChildSetting) {
    this.setting = setting
  }

  /** Resolves when it is ready the first time; rejects if it ends before. */
  async start(): Promise<void> {
    await this.launch()
  }

  async stop(): Promise<void> {
    this.stopping = true
    const child = this.process
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise<void>((done) => child.once('exit', () => done()))
    child.kill('SIGTERM')
    await Promise.race([ended, sleep(STOP_WAIT_MS, undefined, { ref: false })])
    this.killAll()
  }

  private launch(): Promise<void> {
    const { name, module, env, onReady, say } = this.setting
    return new Promise((ready, failed) => {
      // A group of its own: Ctrl-C reaches only the parent, which ends its children in order.
      const child = fork(module, [], {
        env: { ...process.env, ...env },
        detached: true,
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      this.process = child
      const tooLate = setTimeout(() => {
        failed(new Error(`${name} was not ready after ${READY_WAIT_MS / 1000} s`))
        this.killAll()
      }, READY_WAIT_MS)
      child.on('message', (message: { ready?: { port: number; pid?: number } }) => {
        if (message.ready === undefined) return
        clearTimeout(tooLate)
        this.workPid = message.ready.pid ?? child.pid ?? 0
        Promise.resolve(onReady({ port: message.ready.port, pid: this.workPid })).then(ready, failed)
      })
      child.once('error', failed)
      child.once('exit', (code, signal) => {
        clearTimeout(tooLate)
        failed(new Error(`${name} ended (${signal ?? code}) before it was ready`))
        if (this.stopping) return
        this.killAll()
        say(`${name} ended (${signal ?? code}) and is started again`)
        this.relaunch()
      })
    })
  }

  private relaunch(): void {
    setTimeout(() => {
      if (this.stopping) return
      // A failed start ends the child, whose exit comes back here.
      this.launch().catch(() => undefined)
    }, RESTART_PAUSE_MS)
  }

  /** Ends the child's whole process group, and the process that works for it. */
  private killAll(): void {
    const group = this.process?.pid
    for (const pid of [group === undefined ? 0 : -group, this.workPid]) {
      if (pid === 0) continue
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // Gone already.
      }
    }
  }
}
