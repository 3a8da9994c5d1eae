/**
 * The load test: Locust users as devices and apps, against a local Starling or any MQTT broker with WebSockets.
 *
 *   npm run load -- [--users 200] [--time 60s] [--spawn-rate 20] [--target ws://127.0.0.1:9001/mqtt]
 *
 * Uses the Starling in `.starling/` when one is running, else starts one for the run. Ends with 0 only if requests
 * were made and all succeeded. Leaves `reports/load.html`, `reports/load_*.csv` and, for a Starling it started, its log.
 */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Children } from './children.ts'
import { isRunning, issueTokens, startStarling } from './local.ts'
import { preparePython } from './python.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const CLI = join(ROOT, 'src/cli/starling.ts')
const REPORTS = join(ROOT, 'reports')
const STATS = join(REPORTS, 'load_stats.csv')

/** A socket and the pair that wakes its loop. */
const FILES_PER_USER = 3
const FILES_SPARE = 200

type Options = { users: number; spawnRate: number; time: string; target: string | undefined }

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      users: { type: 'string', default: '200' },
      time: { type: 'string', default: '60s' },
      'spawn-rate': { type: 'string', default: '20' },
      target: { type: 'string' },
    },
  })
  const users = Number(values.users)
  const spawnRate = Number(values['spawn-rate'])
  if (!Number.isInteger(users) || users < 2)
    throw new Error('--users must be 2 or more: a device and its app')
  if (!(spawnRate > 0)) throw new Error('--spawn-rate must be above 0 users per second')
  if (!/^(\d+[hms]?)+$/.test(values.time)) throw new Error('--time must look like 60s, 5m or 1h30m')
  if (values.target !== undefined && !/^wss?:\/\//.test(values.target)) {
    throw new Error('--target must be a ws:// or wss:// URL')
  }
  return { users, spawnRate, time: values.time, target: values.target }
}

function checkOpenFiles(users: number): void {
  // Node raises its own soft limit to the hard one, and children inherit that.
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  const needed = users * FILES_PER_USER + FILES_SPARE
  if (limit !== 'unlimited' && Number(limit) < needed) {
    throw new Error(`${users} users need ${needed} open files, and the limit is ${limit} (ulimit -Hn)`)
  }
}

/** The locustfile's settings; it documents them. */
async function connectTo(
  options: Options,
  scratch: string,
  children: Children,
): Promise<Record<string, string>> {
  if (options.target !== undefined) return { LOAD_ENDPOINTS: options.target }

  const standing = join(ROOT, '.starling')
  const dir = (await isRunning(standing)) ? standing : join(scratch, 'starling')
  if (dir === standing) {
    process.stdout.write('using the Starling that is running\n')
  } else {
    process.stdout.write('starting a Starling for this run\n')
    await mkdir(dir)
    await startStarling(CLI, dir, join(REPORTS, 'load-starling.log'), children)
  }

  // Locust makes as many devices as apps, give or take the odd one.
  const numbers = Array.from({ length: Math.ceil(options.users / 2) }, (_, number) => number)
  const ids = numbers.flatMap((number) => [`load-device-${number}`, `load-app-${number}`])
  const tokensFile = join(scratch, 'tokens.json')
  await writeFile(tokensFile, JSON.stringify(await issueTokens(CLI, dir, ids)), { mode: 0o600 })
  return { STARLING_LOCAL: join(dir, 'local.json'), LOAD_TOKENS: tokensFile }
}

async function runLocust(
  options: Options,
  settings: Record<string, string>,
  children: Children,
): Promise<number> {
  const python = await preparePython(join(ROOT, '.venv'), join(ROOT, 'test/load/requirements.txt'), children)
  await Promise.all(['load_stats.csv', 'load.html'].map((file) => rm(join(REPORTS, file), { force: true })))

  // Settings of an earlier shell must not mix with those of this run.
  const { STARLING_LOCAL: _, LOAD_ENDPOINTS: __, LOAD_TOKENS: ___, ...env } = process.env
  const args = ['-m', 'locust', '-f', join(ROOT, 'test/load/locustfile.py'), '--headless', '--only-summary']
  args.push(
    '--users',
    String(options.users),
    '--spawn-rate',
    String(options.spawnRate),
    '--run-time',
    options.time,
  )
  args.push('--html', join(REPORTS, 'load.html'), '--csv', join(REPORTS, 'load'), '--exit-code-on-error', '1')
  return children.start(python, args, { env: { ...env, ...settings } }).ended
}

type Row = Record<string, string>

async function readStats(): Promise<Row[]> {
  const [header = '', ...lines] = (await readFile(STATS, 'utf8').catch(() => '')).trim().split('\n')
  // No name in the locustfile contains a comma, so that no field is quoted.
  const columns = header.trim().split(',')
  return lines.map((line) => {
    const fields = line.trim().split(',')
    return Object.fromEntries(columns.map((column, index) => [column, fields[index] ?? '']))
  })
}

/** Prints what matters, and returns whether the run was a success. */
async function judge(locustCode: number): Promise<boolean> {
  const rows = await readStats()
  const named = (name: string): Row | undefined => rows.find((row) => row.Name === name)
  const count = (row: Row | undefined, column: string): number => Number(row?.[column] ?? 0)

  const all = named('Aggregated')
  const trips = named('command round trip')
  const requests = count(all, 'Request Count')
  const failures = count(all, 'Failure Count')
  const tripCount = count(trips, 'Request Count')
  process.stdout.write(`\n${requests} requests, ${failures} failed; ${tripCount} command round trips`)
  if (tripCount > 0) {
    process.stdout.write(
      `, ms: p50 ${trips?.['50%']}, p95 ${trips?.['95%']}, p99 ${trips?.['99%']}, max ${trips?.['100%']}`,
    )
  }
  process.stdout.write(`\nreport: ${join(REPORTS, 'load.html')}\n`)
  if (tripCount === 0) process.stdout.write('failed: not one command made its round trip\n')
  return locustCode === 0 && failures === 0 && tripCount > 0
}

async function main(): Promise<number> {
  const options = readOptions()
  checkOpenFiles(options.users)
  const children = new Children()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => children.interrupt())

  const scratch = await mkdtemp(join(tmpdir(), 'starling-load-'))
  try {
    await mkdir(REPORTS, { recursive: true })
    const settings = await connectTo(options, scratch, children)
    const succeeded = await judge(await runLocust(options, settings, children))
    return succeeded && !children.interrupted ? 0 : 1
  } finally {
    await children.endAll()
    await rm(scratch, { recursive: true, force: true })
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`load: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
