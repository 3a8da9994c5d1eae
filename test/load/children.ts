import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'

/** How long a child may take to end after SIGINT before it is killed. */
const END_GRACE_MS = 15_000

export type Child = { readonly process: ChildProcess; readonly ended: Promise<number> }

/**
 * The processes that this run has started. Each leads a process group of its own, so that a Ctrl-C in the terminal
 * reaches only this process, which then ends them in order, and so that nothing they started outlives them.
 */
export class Children {
  readonly #live: Child[] = []
  /** Children that have had their SIGINT: many programs take a second one as "now". */
  readonly #asked = new WeakSet<Child>()
  #interrupted = false

  get interrupted(): boolean {
    return this.#interrupted
  }

  start(
    command: string,
    args: readonly string[],
    options: { env?: NodeJS.ProcessEnv; stdio?: StdioOptions } = {},
  ): Child {
    if (this.#interrupted) throw new Error('interrupted')
    const child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      ...options,
      detached: true,
    })
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => reject(new Error(`cannot start ${command}`, { cause })))
      child.once('exit', (code) => resolve(code ?? 1))
    })
    const entry = { process: child, ended }
    this.#live.push(entry)
    const forget = (): void => {
      this.#live.splice(this.#live.indexOf(entry), 1)
    }
    ended.then(forget, forget)
    return entry
  }

  /** Runs a command to its end, which must be a success. */
  async run(command: string, args: readonly string[]): Promise<void> {
    const code = await this.start(command, args).ended
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  }

  /** Asks the newest child to end; the run goes on to its own end, and reports what there is. Asked twice, kills all. */
  interrupt(): void {
    if (this.#interrupted) {
      for (const child of this.#live) signalGroup(child, 'SIGKILL')
      return
    }
    this.#interrupted = true
    const newest = this.#live.at(-1)
    if (newest !== undefined) this.#ask(newest)
  }

  #ask(child: Child): void {
    if (this.#asked.has(child)) return
    this.#asked.add(child)
    child.process.kill('SIGINT')
  }

  /** Ends what still lives, newest first. */
  async endAll(): Promise<void> {
    for (const child of [...this.#live].reverse()) {
      this.#ask(child)
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), END_GRACE_MS)
      await child.ended.catch(() => 1)
      clearTimeout(timer)
    }
  }
}

function signalGroup(child: Child, signal: NodeJS.Signals): void {
  if (child.process.pid === undefined) return
  try {
    process.kill(-child.process.pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
