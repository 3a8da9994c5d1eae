// A whole local Starling for a test file: the same `starling up` that a user starts, in a folder of its own. COMPATIBILITY in the
// environment makes one part of it the previous release's (test/compatibility/release.ts).
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Local, localSchema, readSecrets } from '../../src/cli/local.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET, type FleetId } from '../../src/id/ids.ts'
import { chosenMake, type Make, upModule } from '../compatibility/release.ts'

const START_MS = 60_000

/** Starting a whole system on a busy machine of two cores. */
export const SYSTEM_START_MS = 90_000

export interface SystemOptions {
  readonly regions?: readonly string[]
  readonly cassandra?: { readonly contactPoint: string; readonly keyspace: string }
  readonly keepAlive?: number
  /** False where a test's `#` is not to get what the server says of clients. */
  readonly presence?: boolean
  /** As `--history`. */
  readonly history?: string
  /** How long a region may be silent before its clients go on elsewhere. */
  readonly failOverAfterMs?: number
  /** Which release's code runs; what COMPATIBILITY says by default. */
  readonly make?: Make
}

export class System {
  readonly dir: string
  private readonly options: SystemOptions
  private process: ChildProcess | null = null
  private output = ''

  private constructor(dir: string, options: SystemOptions) {
    this.dir = dir
    this.options = options
  }

  static async start(options: SystemOptions = {}): Promise<System> {
    const system = new System(await mkdtemp(path.join(tmpdir(), 'starling-test-')), options)
    await system.up()
    return system
  }

  /** Starts it on the folder that it has. */
  async up(make = this.options.make ?? chosenMake()): Promise<void> {
    const {
      regions = ['eu', 'us'],
      cassandra,
      keepAlive,
      presence = true,
      failOverAfterMs,
      history,
    } = this.options
    const args = ['up', '--dir', this.dir, '--port', '0', '--regions', regions.join(',')]
    if (cassandra !== undefined)
      args.push('--cassandra', cassandra.contactPoint, '--keyspace', cassandra.keyspace)
    if (!presence) args.push('--no-presence')
    if (history !== undefined) args.push('--history', history)
    if (keepAlive !== undefined) args.push('--keep-alive', String(keepAlive))
    const env = {
      ...process.env,
      COMPATIBILITY: make,
      ...(failOverAfterMs !== undefined && { FAIL_OVER_AFTER_MS: String(failOverAfterMs) }),
    }
    const child = spawn(process.execPath, [upModule(make), ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process = child
    this.output = ''
    child.stdout.on('data', (chunk) => {
      this.output += chunk
    })
    child.stderr.on('data', (chunk) => {
      this.output += chunk
    })
    await until(async () => {
      if (child.exitCode !== null)
        throw new Error(`starling up ended with ${child.exitCode}:\n${this.output}`)
      return (await this.local().catch(() => null)) !== null
    }, START_MS)
  }

  /** Ctrl-C. */
  async down(): Promise<void> {
    const child = this.process
    if (child === null || child.exitCode !== null) return
    const ended = new Promise<void>((done) => child.once('exit', () => done()))
    child.kill('SIGINT')
    await ended
    this.process = null
  }

  async stop(): Promise<void> {
    await this.down()
    await rm(this.dir, { recursive: true, force: true })
  }

  /** What it printed; for a failing test's message. */
  get log(): string {
    return this.output
  }

  async local(): Promise<Local> {
    return localSchema.parse(JSON.parse(await readFile(path.join(this.dir, 'local.json'), 'utf8')))
  }

  async mqttUrl(region: string): Promise<string> {
    const url = (await this.local()).regions[region]?.mqtt
    if (url === undefined) throw new Error(`no region ${region}`)
    return url
  }

  async token(
    client: string,
    { fleet = DEFAULT_FLEET as string, seconds = 3600, secret = '', durability = 'local' } = {},
  ): Promise<string> {
    const secrets = await readSecrets(this.dir)
    return signClientToken(
      {
        client: client as ClientId,
        fleet: fleet as FleetId,
        admin: false,
        ...(durability === 'global' && { durability }),
      },
      secret === '' ? secrets.clientTokenSecret : secret,
      seconds,
    )
  }

  async pidOf(part: string): Promise<number> {
    const local = await this.local()
    const pid = part === 'core' ? local.core.pid : local.regions[part]?.pid
    if (pid === undefined) throw new Error(`no part ${part}`)
    return pid
  }

  /** kill -9 of the core or of a region's workerd. */
  async kill(part: string): Promise<void> {
    process.kill(await this.pidOf(part), 'SIGKILL')
  }

  /** Kills a part, and returns when it serves again. */
  async killAndWait(part: string): Promise<void> {
    const before = await this.pidOf(part)
    await this.kill(part)
    await until(async () => (await this.pidOf(part)) !== before && (await this.serves(part)), START_MS)
  }

  /** Holds a part: it neither answers nor dies. */
  async freeze(part: string): Promise<() => void> {
    const pid = await this.pidOf(part)
    process.kill(pid, 'SIGSTOP')
    return () => process.kill(pid, 'SIGCONT')
  }

  async serves(part: string): Promise<boolean> {
    const local = await this.local()
    const url = part === 'core' ? local.core.http : local.regions[part]?.http
    try {
      return (await fetch(`${url}/livez`, { signal: AbortSignal.timeout(1_000) })).ok
    } catch {
      return false
    }
  }
}

export async function until(condition: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not so within ${ms} ms: ${condition}`)
    await sleep(20)
  }
}
