// The system under chaos: regions, core processes, their links, and the store, each of which a fault can take.
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { SyncConsistency } from '../../k8s-core/store/cassandra-levels.ts'
import { bundleWorker, choosePorts } from '../../src/cli/up.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET } from '../../src/id/ids.ts'
import { type CassandraPart, cassandraNodes, copiesOf, type Topology } from './database.ts'
import { Disk } from './disk.ts'
import { Link } from './link.ts'
import { ForkedPart, type Part } from './part.ts'

const HOST = '127.0.0.1'
const PROJECT = path.join(import.meta.dirname, '../..')
const TOKEN_SECONDS = 24 * 3600
const READY_PROBE_MS = 500
/** Of a region, or of the cores' embedded store: far more than a run of hours needs. */
const DISK_BYTES = 1024 ** 3
const CASSANDRA_DISK_BYTES = 3 * 1024 ** 3
/** The cores' embedded store, among the targets of faults. */
export const EMBEDDED_STORE = 'store'
export const KEYSPACE = 'chaos'

export interface WorldOptions {
  readonly regions: readonly string[]
  readonly cores: number
  /** Empty: the cores share an embedded SQLite file. */
  readonly cassandra: Topology
  /** Of the cores' synced states; `quorum` without it. */
  readonly consistency?: SyncConsistency
  /** Further bindings of each edge. */
  readonly bindings?: Record<string, string>
  /** Another Worker around the edge's. */
  readonly worker?: string
  /** False: no disk of their own that could be made full, and so no bound. */
  readonly disks?: boolean
  /** Where the processes' output is kept. */
  readonly logs: string
}

export class World {
  readonly regions: readonly string[]
  readonly parts: Part[] = []
  readonly links: Link[] = []
  readonly cassandra: CassandraPart[] = []
  /** By whose storage is on it: a region, a node of Cassandra, or the embedded store. Empty where none can be mounted. */
  readonly disks = new Map<string, Disk>()
  readonly #options: WorldOptions
  readonly #dir: string
  readonly #urls = new Map<string, string>()
  readonly #clientSecret = randomBytes(32).toString('base64url')
  readonly #relaySecret = randomBytes(32).toString('base64url')
  readonly #ready = new Set<number>()
  #probe: NodeJS.Timeout | null = null
  #turn = 0

  private constructor(options: WorldOptions, dir: string) {
    this.#options = options
    this.#dir = dir
    this.regions = options.regions
  }

  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options, await mkdtemp(path.join(tmpdir(), 'starling-chaos-')))
    try {
      await world.#start()
      return world
    } catch (error) {
      await world.stop()
      throw error
    }
  }

  part(name: string): Part {
    const part = this.parts.find((one) => one.name === name)
    if (part === undefined) throw new Error(`no part ${name}`)
    return part
  }

  /** All links between a region and the cores, in both directions. */
  linksOf(region: string): Link[] {
    return this.links.filter(({ name }) => name.split('→').includes(region))
  }

  httpUrl(region: string): string {
    return this.#urls.get(region) ?? ''
  }

  mqttUrl(region: string, client: string): string {
    return `${this.#urls.get(region)?.replace('http', 'ws')}/mqtt/${client}`
  }

  token(client: string): Promise<string> {
    return signClientToken(
      { client: client as ClientId, fleet: DEFAULT_FLEET, admin: false },
      this.#clientSecret,
      TOKEN_SECONDS,
    )
  }

  async stop(): Promise<void> {
    if (this.#probe !== null) clearInterval(this.#probe)
    const cassandra = new Set<Part>(this.cassandra)
    await Promise.all(this.parts.filter((part) => !cassandra.has(part)).map((part) => part.stop()))
    await Promise.all(this.cassandra.map((node) => node.stop()))
    for (const link of this.links) link.close()
    for (const disk of this.disks.values()) disk.unmount()
    await rm(this.#dir, { recursive: true, force: true })
  }

  async #start(): Promise<void> {
    const { regions, cores, logs } = this.#options
    await mkdir(logs, { recursive: true })
    const worker = path.join(this.#dir, 'worker.mjs')
    await bundleWorker(worker, this.#options.worker)
    await this.#startCassandra()
    if (this.cassandra.length === 0) await this.#disk(EMBEDDED_STORE, DISK_BYTES)
    for (const region of regions) await this.#disk(region, DISK_BYTES)
    const corePorts = await choosePorts(0, cores)
    const regionPorts = await choosePorts(0, regions.length)
    regions.forEach((region, i) => {
      this.#urls.set(region, `http://${HOST}:${regionPorts[i]}`)
    })
    const coreParts: Part[] = []
    for (const [i, port] of corePorts.entries()) {
      const edges: string[] = []
      for (const [r, region] of regions.entries()) {
        const link = await this.#link(`core-${i + 1}→${region}`, () => regionPorts[r] ?? null)
        edges.push(`${region}=${link.url}`)
      }
      const env = { ...this.#coreEnvironment(i), PORT: String(port), EDGES: edges.join(',') }
      coreParts.push(this.#fork(`core-${i + 1}`, path.join(PROJECT, 'k8s-core', 'main.ts'), env))
    }
    for (const [i, region] of regions.entries()) {
      const link = await this.#link(`${region}→core`, () => this.#route(corePorts))
      this.#fork(region, path.join(PROJECT, 'src', 'cli', 'region-process.ts'), {
        STARLING_PORT: String(regionPorts[i]),
        STARLING_WORKER: worker,
        STARLING_STATE: this.#folder(region),
        STARLING_BINDINGS: JSON.stringify({
          REGION: region,
          REGIONS: regions.join(','),
          CORE_URL: link.url,
          RELAY_SECRET: this.#relaySecret,
          CLIENT_TOKEN_SECRET: this.#clientSecret,
          ...this.#options.bindings,
        }),
      })
    }
    // The first core makes the schema, so that two do not wait for each other's lease.
    for (const core of coreParts) await core.start()
    await Promise.all(regions.map((region) => this.part(region).start()))
    await this.#probeCores(corePorts)
    this.#probe = setInterval(() => {
      this.#probeCores(corePorts).catch(() => undefined)
    }, READY_PROBE_MS)
  }

  async #startCassandra(): Promise<void> {
    const nodes = await cassandraNodes(this.#dir, this.#options.cassandra)
    this.cassandra.push(...nodes)
    this.parts.push(...nodes)
    for (const node of nodes) {
      // Of several, one is away for long already.
      if (nodes.length === 1) await this.#disk(node.name, CASSANDRA_DISK_BYTES)
      await node.start()
    }
  }

  #folder(name: string): string {
    return path.join(this.#dir, name)
  }

  async #disk(name: string, bytes: number): Promise<void> {
    if (this.#options.disks === false) return
    const disk = await Disk.mount(this.#folder(name), bytes)
    if (disk !== null) this.disks.set(name, disk)
  }

  async #link(name: string, target: () => number | null): Promise<Link> {
    const link = new Link(name, target)
    await link.listen()
    this.links.push(link)
    return link
  }

  #fork(name: string, module: string, env: Record<string, string>): Part {
    const part = new ForkedPart(name, module, env, path.join(this.#options.logs, `chaos-${name}.log`))
    this.parts.push(part)
    return part
  }

  #coreEnvironment(i: number): Record<string, string> {
    const common = {
      HOST,
      RELAY_SECRET: this.#relaySecret,
      CLIENT_TOKEN_SECRET: this.#clientSecret,
      // The judge reads of each move.
      LOG_LEVEL: 'debug',
      DRAIN_MS: '0',
    }
    if (this.cassandra.length === 0)
      return {
        ...common,
        STORE: 'sqlite',
        SQLITE_PATH: path.join(this.#folder(EMBEDDED_STORE), 'core.sqlite'),
      }
    const { cassandra, consistency } = this.#options
    const copies = copiesOf(cassandra)
    const centers = Object.keys(copies)
    const center = centers[i % centers.length] ?? ''
    const near = this.cassandra.filter(({ settings }) => settings.dataCenter === center)
    return {
      ...common,
      STORE: 'cassandra',
      CASSANDRA_CONTACT_POINTS: near.map(({ contactPoint }) => contactPoint).join(','),
      CASSANDRA_LOCAL_DC: center,
      CASSANDRA_KEYSPACE: KEYSPACE,
      CASSANDRA_REPLICATION: JSON.stringify(copies),
      ...(consistency !== undefined && { CASSANDRA_SYNC_CONSISTENCY: consistency }),
    }
  }

  /** As a Kubernetes service does: connections go to the pods that are ready, in turn. */
  #route(corePorts: readonly number[]): number | null {
    const ready = corePorts.filter((port) => this.#ready.has(port))
    return (ready.length > 0 ? ready : corePorts)[this.#turn++ % (ready.length || corePorts.length)] ?? null
  }

  async #probeCores(corePorts: readonly number[]): Promise<void> {
    await Promise.all(
      corePorts.map(async (port) => {
        const ready = await fetch(`http://${HOST}:${port}/readyz`, {
          signal: AbortSignal.timeout(1_000),
        }).then(
          (response) => response.ok,
          () => false,
        )
        if (ready) this.#ready.add(port)
        else this.#ready.delete(port)
      }),
    )
  }
}
