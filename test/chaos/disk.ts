// A small disk of its own for a part's storage, which a fault can make full: a tmpfs, where this process may mount one.
import { execFile, execFileSync } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { atExit } from './at-exit.ts'

const run = promisify(execFile)
const FILL_TRIES_MAX = 50
const FILL_PAUSE_MS = 20

export class Disk {
  readonly folder: string
  readonly #bytes: number

  private constructor(folder: string, bytes: number) {
    this.folder = folder
    this.#bytes = bytes
    atExit(() => this.#unmount())
  }

  /**
   * Makes the folder and mounts a disk there; without the right to mount it stays an ordinary folder, and null is given.
   * What is killed keeps its files: a tmpfs forgets only with the machine.
   */
  static async mount(folder: string, bytes: number): Promise<Disk | null> {
    await mkdir(folder, { recursive: true })
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', folder])
    } catch {
      return null
    }
    return new Disk(folder, bytes)
  }

  /** From now on there is no room but what files take already: whatever would grow is refused with ENOSPC. */
  async fill(): Promise<void> {
    let failure: unknown
    for (let tries = 0; tries < FILL_TRIES_MAX; tries++) {
      try {
        // What is written meanwhile makes this too small, which is refused.
        await this.#resize(await this.used())
        return
      } catch (error) {
        failure = error
        await sleep(FILL_PAUSE_MS)
      }
    }
    throw new Error(`${this.folder} could not be made full`, { cause: failure })
  }

  async makeRoom(): Promise<void> {
    await this.#resize(this.#bytes)
  }

  async used(): Promise<number> {
    const { blocks, bfree, bsize } = await statfs(this.folder)
    return Math.max(1, blocks - bfree) * bsize
  }

  unmount(): void {
    this.#unmount()
  }

  async #resize(bytes: number): Promise<void> {
    await run('mount', ['-o', `remount,size=${bytes}`, this.folder])
  }

  #unmount(): void {
    try {
      // Lazily: a process that has just been killed may still hold a file.
      execFileSync('umount', ['-l', this.folder], { stdio: 'ignore' })
    } catch {
      // It is not mounted any more.
    }
  }
}
