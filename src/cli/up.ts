// `starling up`: two regions and the core on this machine, state kept in one folder, everything on 127.0.0.1.
import { randomInt } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { build } from 'esbuild'
import { writeDocs } from '../../k8s-core/docs-assets.ts'
import { parseChosen } from '../history/chosen.ts'
import { signClientToken } from '../id/client-token.ts'
import { type ClientId, DEFAULT_FLEET, type RegionId } from '../id/ids.ts'
import { type PlacedRegion, parsePlacedRegions, regionSetting } from '../id/region-place.ts'
import { whole } from './arguments.ts'
import { Child } from './child.ts'
import { everywhere } from './global-options.ts'
import { DEFAULT_DIR, type Local, loadSecrets, type Secrets, writeLocal } from './local.ts'
import { takeLock } from './lock.ts'

const HOST = '127.0.0.1'
const PROJECT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
/** The range for free ports. */
const PORTS_FROM = 20_000
const PORTS = 12_000
const PORT_TRIES_MAX = 100
const TOKEN_SECONDS = 30 * 24 * 3600

/** The modules that a local run is made of. */
export interface Parts {
  /** The core's process. */
  readonly core: string
  /** The process of a region. */
  readonly region: string
  /** The Worker that the region's process runs. */
  readonly worker: string
}

export const PARTS: Parts = {
  core: path.join(PROJECT, 'k8s-core', 'main.ts'),
  region: path.join(PROJECT, 'src', 'cli', 'region-process.ts'),
  worker: path.join(PROJECT, 'actors', 'hosts', 'workerd', 'worker.ts'),
}

interface UpOptions {
  readonly dir: string
  readonly json: boolean
  readonly regions: PlacedRegion[]
  readonly port: number
  readonly cassandra?: string
  readonly keyspace: string
  readonly keepAlive?: number
  readonly presence: boolean
  readonly direct?: true
  readonly history: string
}

/** @param parts those of another release, for a test of how releases work together */
export function upCommand(parts: Parts = PARTS): Command {
  return new Command('up')
    .description('run the regions and the core on this machine')
    .option(
      '--regions <names>',
      'the regions, each named after its place',
      parseRegions,
      parseRegions('eu,us'),
    )
    .option('--cassandra <host:port,…>', "the core's store: this Cassandra, not an embedded one")
    .option('--keyspace <name>', 'the keyspace in Cassandra', 'starling')
    .option(
      '--port <n>',
      "the core's port, the regions' follow it; 0 for any that are free",
      whole('a port, 0 to 65535', 0, 65_535),
      8800,
    )
    .option(
      '--keep-alive <seconds>',
      'the shortest keep alive that MQTT 5 clients are granted; 2 without this',
      whole('1 to 65535 seconds', 1, 65_535),
    )
    .option(
      '--direct',
      'clients connect to workerd itself, which leaves MQTT over plain TCP without an answer',
    )
    .option('--no-presence', "do not tell of clients' connections and their ends")
    .option(
      '--history <filters>',
      'keep messages of these topics, each with how long: devices/+/telemetry=7d,rooms/#=1d',
      parseHistory,
      '',
    )
    .addHelpText(
      'after',
      '\nState, secrets and local.json, which tells scripts where everything is, are kept in --dir.',
    )
    .action((options: Omit<UpOptions, 'dir' | 'json'>, command: Command) => {
      const { dir, json } = everywhere(command)
      return up({ ...options, dir, json }, parts)
    })
}

async function up(options: UpOptions, parts: Parts): Promise<void> {
  const dir = path.resolve(options.dir)
  await mkdir(dir, { recursive: true })
  const unlock = await lock(dir)
  const children: Child[] = []
  let stopping: Promise<void> | null = null
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await Promise.all(children.map((child) => child.stop()))
      await rm(path.join(dir, 'local.json'), { force: true })
      await unlock()
    })()
    return stopping
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
  try {
    await start(dir, options, parts, children)
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(dir: string, options: UpOptions, parts: Parts, children: Child[]): Promise<void> {
  const secrets = await loadSecrets(dir)
  const say = (line: string) => void (options.json ? process.stderr : process.stdout).write(`${line}\n`)
  const worker = path.join(dir, 'worker.mjs')
  const assets = path.join(dir, 'assets')
  await Promise.all([bundleWorker(worker, parts.worker), writeDocs(assets)])
  const ports = await choosePorts(options.port, options.regions.length + 1)
  const urlOf = (i: number) => `http://${HOST}:${ports[i]}`
  const edges = options.regions.map((placed, i) => ({ ...placed, http: urlOf(i + 1) }))
  const edgeUrls = edges.map(({ region, http }) => [region, http] as const)
  const regionAt = (http: string, pid: number) => ({ mqtt: `${http.replace('http', 'ws')}/mqtt`, http, pid })
  const local: Local = {
    fleet: DEFAULT_FLEET,
    // In the user's order: commands ask the first.
    regions: Object.fromEntries(edgeUrls.map(([region, http]) => [region, regionAt(http, 0)])),
    core: { http: urlOf(0), pid: 0 },
    adminToken: await signClientToken(
      { client: 'admin' as ClientId, fleet: DEFAULT_FLEET, admin: true },
      secrets.clientTokenSecret,
      TOKEN_SECONDS,
    ),
  }
  let complete = false
  const changed = async () => {
    if (complete) await writeLocal(dir, local)
  }

  children.push(
    new Child({
      name: 'core',
      module: parts.core,
      env: coreEnvironment(dir, options, secrets, ports[0] ?? 0, edgeUrls),
      say,
      onReady: ({ pid }) => {
        local.core.pid = pid
        return changed()
      },
    }),
    ...edges.map(
      ({ region, place, http }) =>
        new Child({
          name: region,
          module: parts.region,
          env: {
            STARLING_PORT: new URL(http).port,
            STARLING_WORKER: worker,
            STARLING_DIRECT: options.direct ? 'on' : 'off',
            STARLING_STATE: path.join(dir, region),
            STARLING_ASSETS: assets,
            STARLING_BINDINGS: JSON.stringify({
              REGION: regionSetting({ region, place }),
              REGIONS: options.regions.map(regionSetting).join(','),
              // On this machine any fleet may be tried out.
              FLEETS: '*',
              CORE_URL: urlOf(0),
              RELAY_SECRET: secrets.relaySecret,
              CLIENT_TOKEN_SECRET: secrets.clientTokenSecret,
              PRESENCE: options.presence ? 'on' : 'off',
              HISTORY: options.history,
              ...(options.keepAlive !== undefined && {
                SERVER_KEEP_ALIVE_SECONDS: String(options.keepAlive),
              }),
            }),
          },
          say,
          onReady: ({ pid }) => {
            local.regions[region] = regionAt(http, pid)
            return changed()
          },
        }),
    ),
  )
  await Promise.all(children.map((child) => child.start()))
  complete = true
  await writeLocal(dir, local)
  if (options.json) process.stdout.write(`${JSON.stringify(local, null, 2)}\n`)
  else say(await greeting(options, secrets, edgeUrls))
}

function coreEnvironment(
  dir: string,
  options: UpOptions,
  secrets: Secrets,
  port: number,
  edges: readonly (readonly [RegionId, string])[],
): Record<string, string> {
  return {
    HOST,
    PORT: String(port),
    EDGES: edges.map(([region, url]) => `${region}=${url}`).join(','),
    RELAY_SECRET: secrets.relaySecret,
    CLIENT_TOKEN_SECRET: secrets.clientTokenSecret,
    ASSETS: path.join(dir, 'assets'),
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
    DRAIN_MS: '0',
    HISTORY: options.history,
    ...(process.env.FAIL_OVER_AFTER_MS !== undefined && {
      FAIL_OVER_AFTER_MS: process.env.FAIL_OVER_AFTER_MS,
    }),
    ...(options.cassandra === undefined
      ? { STORE: 'sqlite', SQLITE_PATH: path.join(dir, 'core.sqlite') }
      : {
          STORE: 'cassandra',
          CASSANDRA_CONTACT_POINTS: options.cassandra,
          CASSANDRA_KEYSPACE: options.keyspace,
        }),
  }
}

/**
 * The same bundle that `wrangler deploy` makes of actors/hosts/workerd/worker.ts.
 * @param entry another Worker around the edge's, for tests that count
 */
export async function bundleWorker(outfile: string, entry = PARTS.worker): Promise<void> {
  await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    outfile,
    logLevel: 'error',
  })
}

async function greeting(
  options: UpOptions,
  secrets: Secrets,
  edges: readonly (readonly [RegionId, string])[],
): Promise<string> {
  const token = (client: string) =>
    signClientToken(
      { client: client as ClientId, fleet: DEFAULT_FLEET, admin: false },
      secrets.clientTokenSecret,
      TOKEN_SECONDS,
    )
  const [first, second] = [edges[0], edges[1] ?? edges[0]]
  if (first === undefined || second === undefined) throw new Error('no region')
  const at = (url: string, client: string) =>
    `-l ws -h ${HOST} -p ${new URL(url).port} --path /mqtt/${client} -i ${client} -u ${client}`
  const [lamp, phone] = await Promise.all([token('lamp'), token('phone')])
  return `Starling runs: ${edges.length} regions and the core (${options.cassandra === undefined ? 'embedded store' : `Cassandra at ${options.cassandra}`}).

${edges.map(([region, url]) => `  ${region}  ${url.replace('http', 'ws')}/mqtt`).join('\n')}

Try it. In one terminal, a lamp in ${first[0]} waits for commands:

  npx mqtt sub -t 'devices/lamp/cmd/#' -q 1 -v ${at(first[1], 'lamp')} -P ${lamp}

In another, an app in ${second[0]} sends one:

  npx mqtt pub -t devices/lamp/cmd/power -m on -q 1 ${at(second[1], 'phone')} -P ${phone}

A token for any other client id (the MQTT user name is free): npm run -s starling -- token${options.dir === DEFAULT_DIR ? '' : ` --dir ${options.dir}`} <clientId>
Ctrl-C stops everything; state stays in ${options.dir}.`
}

/** Locks the folder: two runs on one folder would run the same actors twice. */
async function lock(dir: string): Promise<() => Promise<void>> {
  const taken = await takeLock(path.join(dir, 'up.pid'))
  if (taken.taken) return taken.free
  throw new Error(`${dir} is in use by process ${taken.owner}; stop it first, or give another --dir`)
}

/** Consecutive ports from `first` on, each replaced by another free port if it is taken. @param first 0 for any free ports */
export async function choosePorts(first: number, count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const wanted = first + ports.size
    const free = first === 0 || ports.has(wanted) ? null : await tryPort(wanted)
    ports.add(free ?? (await anyPort()))
  }
  return [...ports]
}

/** Never an ephemeral port: the system may give that to a connection before we listen on it. */
async function anyPort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES_MAX; tries++) {
    const port = await tryPort(PORTS_FROM + randomInt(PORTS))
    if (port !== null) return port
  }
  return (await tryPort(0)) ?? 0
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((done) => {
    const server = net.createServer()
    server.once('error', () => done(null))
    server.listen({ host: HOST, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : null))
    })
  })
}

function parseRegions(text: string): PlacedRegion[] {
  try {
    return parsePlacedRegions(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

function parseHistory(text: string): string {
  try {
    parseChosen(text)
    return text
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
