// The Cassandra nodes of a chaos run, in one data center or several, all on this machine.
import path from 'node:path'
import { Client, policies, types } from 'cassandra-driver'
import { findToolchain } from '../cassandra/jars.ts'
import { freePorts, runningPid, startNode, stopNode } from '../cassandra/node.ts'
import type { NodeSettings } from '../cassandra/node-config.ts'
import { atExit } from './at-exit.ts'
import type { Part } from './part.ts'

/** The jars are resolved once for all tests of this checkout. */
const JARS_FOLDER = path.join(import.meta.dirname, '../../.cassandra')
const START_MS = 180_000
const HEAP = '400M'
const COPIES_MAX = 3

/** How many nodes each data center has. Each keeps a copy of everything, up to three in a data center. */
export type Topology = readonly number[]

/** `0`: no Cassandra; `1`: a node; `3`: three data centers of one node; `2x3`: two of three nodes; `3+1`: of three and of one. */
export function parseTopology(text: string): Topology | null {
  const product = /^([1-3])x([1-3])$/.exec(text)
  if (product !== null) return Array.from({ length: Number(product[1]) }, () => Number(product[2]))
  if (/^[1-3](\+[1-3]){1,2}$/.test(text)) return text.split('+').map(Number)
  if (!/^[0-3]$/.test(text)) return null
  return Array.from({ length: Number(text) }, () => 1)
}

export function copiesOf(topology: Topology): Record<string, number> {
  return Object.fromEntries(topology.map((nodes, i) => [dataCenter(i), Math.min(nodes, COPIES_MAX)]))
}

/** Which node is to die: one of three, so that its data center can do without it; else one that no core is near to. */
export function nodeToLose(nodes: readonly CassandraPart[], topology: Topology): CassandraPart | undefined {
  const large = topology.findIndex((count) => count >= 3)
  const there = large < 0 ? nodes : nodes.filter(({ settings }) => settings.dataCenter === dataCenter(large))
  return there.at(-1)
}

export class CassandraPart implements Part {
  readonly name: string
  readonly settings: NodeSettings
  readonly #java: string

  constructor(name: string, settings: NodeSettings, java: string) {
    this.name = name
    this.settings = settings
    this.#java = java
    atExit(() => this.#signal('SIGKILL'))
  }

  get contactPoint(): string {
    return `${this.settings.host}:${this.settings.port}`
  }

  async start(): Promise<void> {
    await startNode(this.settings, this.#java, JARS_FOLDER)
  }

  get running(): boolean {
    return runningPid(this.settings) !== null
  }

  async kill(): Promise<void> {
    await stopNode(this.settings, 'SIGKILL')
  }

  hold(): void {
    this.#signal('SIGSTOP')
  }

  letGo(): void {
    this.#signal('SIGCONT')
  }

  async stop(): Promise<void> {
    this.letGo()
    await stopNode(this.settings, 'SIGKILL')
  }

  /** How many rows this node has written to a keyspace's tables since it was started. */
  async written(keyspace: string): Promise<number> {
    return asking(this, keyspace, async (client) => {
      const found = await client.execute('SELECT keyspace_name, count FROM system_views.local_write_latency')
      return found.rows
        .filter((row) => row.keyspace_name === keyspace)
        .reduce((sum, row) => sum + Number(row.count), 0)
    })
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = runningPid(this.settings)
    if (pid !== null) process.kill(pid, signal)
  }
}

/** Not started yet. */
export async function cassandraNodes(folder: string, topology: Topology): Promise<CassandraPart[]> {
  const toolchain = findToolchain(JARS_FOLDER)
  if (!toolchain.found) throw new Error(`Cassandra needs ${toolchain.missing}`)
  // A cluster has one port for all nodes, so each has an address of its own.
  const [port, storagePort] = await freePorts('127.0.0.1')
  const centers = topology.flatMap((nodes, center) => Array.from({ length: nodes }, () => center))
  return centers.map((center, i) => {
    const name = centers.length === 1 ? 'cassandra' : `cassandra-${i + 1}`
    const settings: NodeSettings = {
      home: path.join(folder, name),
      host: `127.0.0.${i + 1}`,
      port,
      storagePort,
      dataCenter: dataCenter(center),
      // The first of each data center.
      seeds: topology.map((_, other) => `127.0.0.${centers.indexOf(other) + 1}`),
      heap: HEAP,
      alone: centers.length === 1,
      startMs: START_MS,
    }
    return new CassandraPart(name, settings, toolchain.java)
  })
}

function dataCenter(i: number): string {
  return `dc${i + 1}`
}

/** Each table's rows as that node alone has them, as text that can be compared. */
export function rowsOn(node: CassandraPart, keyspace: string): Promise<Map<string, string>> {
  return asking(node, keyspace, async (client) => {
    const rows = new Map<string, string>()
    const tables = await client.execute(
      'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?',
      [keyspace],
    )
    for (const { table_name: table } of tables.rows) {
      for await (const row of allRows(client, `SELECT * FROM ${keyspace}.${table}`)) {
        const text = `${table} ${JSON.stringify(row)}`
        rows.set(text, text)
      }
    }
    return rows
  })
}

/** Of all pages. */
export async function* allRows(client: Client, query: string): AsyncGenerator<types.Row> {
  const found = await client.execute(query, [], { prepare: true })
  // The driver iterates over them, and leaves that out of its types.
  yield* found as unknown as AsyncIterable<types.Row>
}

/** With a client of this node alone: it reads its own copy first, and asks no other for one. */
export async function asking<T>(
  node: CassandraPart,
  keyspace: string,
  ask: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    contactPoints: [node.contactPoint],
    localDataCenter: node.settings.dataCenter,
    keyspace,
    queryOptions: { consistency: types.consistencies.localOne, fetchSize: 5000 },
    policies: {
      loadBalancing: new policies.loadBalancing.AllowListPolicy(
        new policies.loadBalancing.RoundRobinPolicy(),
        [node.contactPoint],
      ),
    },
  })
  try {
    return await ask(client)
  } finally {
    await client.shutdown()
  }
}

/** Rows that are not the same on all nodes. */
export function differences(copies: readonly ReadonlyMap<string, string>[]): string[] {
  const keys = new Set(copies.flatMap((copy) => [...copy.keys()]))
  return [...keys].filter((key) => new Set(copies.map((copy) => copy.get(key))).size > 1)
}
