import { execFile } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { Children } from './children.ts'

const START_TIMEOUT_MS = 90_000
const PROBE_TIMEOUT_MS = 2_000
const PROBE_INTERVAL_MS = 200
/** Keeps a command line well below the system's limit. */
const TOKENS_PER_CALL_MAX = 500

const LocalStarling = z.object({
  regions: z.record(z.string(), z.object({ mqtt: z.string(), http: z.string(), pid: z.int().positive() })),
  core: z.object({ http: z.string(), pid: z.int().positive() }),
})
type LocalStarling = z.infer<typeof LocalStarling>

async function readLocal(file: string): Promise<LocalStarling | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return LocalStarling.parse(JSON.parse(text))
  } catch (cause) {
    throw new Error(`${file} does not describe a local Starling`, { cause })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function isServing(http: string): Promise<boolean> {
  return fetch(`${http}/livez`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) }).then(
    (response) => response.status === 200,
    () => false,
  )
}

/** Whether the Starling that `<dir>/local.json` describes is running: the file may have outlived it. */
export async function isRunning(dir: string): Promise<boolean> {
  const local = await readLocal(join(dir, 'local.json')).catch(() => undefined)
  return local !== undefined && [...Object.values(local.regions), local.core].every(({ pid }) => isAlive(pid))
}

/** Starts a Starling that keeps everything in `dir`, and returns when every region of it serves. */
export async function startStarling(
  cli: string,
  dir: string,
  logFile: string,
  children: Children,
): Promise<void> {
  const log = await open(logFile, 'w')
  const starling = children.start(process.execPath, [cli, 'up', '--dir', dir, '--port', '0', '--direct'], {
    stdio: ['ignore', log.fd, log.fd],
  })
  await log.close()
  let ended = false
  const markEnded = (): void => {
    ended = true
  }
  starling.ended.then(markEnded, markEnded)

  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await serves(dir))) {
    if (children.interrupted) throw new Error('interrupted')
    if (ended)
      throw new Error(
        `Starling ended while starting; its last words (all in ${logFile}):\n${await tail(logFile)}`,
      )
    if (Date.now() > deadline)
      throw new Error(`Starling was not ready in ${START_TIMEOUT_MS / 1000} s; see ${logFile}`)
    await sleep(PROBE_INTERVAL_MS)
  }
}

async function serves(dir: string): Promise<boolean> {
  // A file that is being written does not parse yet.
  const local = await readLocal(join(dir, 'local.json')).catch(() => undefined)
  if (local === undefined) return false
  const answers = await Promise.all(Object.values(local.regions).map(({ http }) => isServing(http)))
  return answers.length > 0 && answers.every(Boolean)
}

async function tail(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trimEnd().split('\n').slice(-15).join('\n')
}

/** Asks the Starling in `dir` for a token for each client id. */
export async function issueTokens(
  cli: string,
  dir: string,
  clientIds: readonly string[],
): Promise<Record<string, string>> {
  const tokens: Record<string, string> = {}
  for (let at = 0; at < clientIds.length; at += TOKENS_PER_CALL_MAX) {
    const ids = clientIds.slice(at, at + TOKENS_PER_CALL_MAX)
    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'token', '--dir', dir, ...ids], {
      cwd: dirname(dirname(dirname(cli))),
      maxBuffer: 64 * 1024 * 1024,
    })
    const lines = stdout.trim().split('\n')
    if (lines.length !== ids.length)
      throw new Error(`asked for ${ids.length} tokens, got ${lines.length} lines`)
    for (const [index, id] of ids.entries()) tokens[id] = lines[index] ?? ''
  }
  return tokens
}
