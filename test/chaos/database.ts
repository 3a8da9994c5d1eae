// The Cassandra nodes of a chaos run: one in each data center, all on this machine.
import path from 'node:path'
import { Client } from 'cassandra-driver'
import { findToolchain } from '../cassandra/jars.ts'
import { freePorts, runningPid, startNode, stopNode } from '../cassandra/node.ts'
import type { NodeSettings } from '../cassandra/node-config.ts'
import type { Part } from './part.ts'

/** The jars are resolved once for all tests of this checkout. */
const JARS_FOLDER = path.join(import.meta.dirname, '../../.cassandra')
const START_MS = 180_000
const HEAP = '400M'

export class CassandraPart implements Part {
  readonly name: string
  readonly settings: NodeSettings
  readonly #java: string

  constructor(name: string, settings: NodeSettings, java: string) {
    this.name = name
    this.settings = settings
    this.#java = java
    process.once('exit', () => this.#signal('SIGKILL'))
  }

  get contactPoint(): string {
    return `${this.settings.host}:${this.settings.port}`
  }

  async start(): Promise<void> {
    await startNode(this.settings, this.#java, JARS_FOLDER)
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

  #signal(signal: NodeJS.Signals): void {
    const pid = runningPid(this.settings)
    if (pid !== null) process.kill(pid, signal)
  }
}

/** Not started yet: `count` nodes, of which each is a data center of its own. */
export async function cassandraNodes(folder: string, count: number): Promise<CassandraPart[]> {
  const toolchain = findToolchain(JARS_FOLDER)
  if (!toolchain.found) throw new Error(`Cassandra needs ${toolchain.missing}`)
  // A cluster has one port for all nodes, so each has an address of its own.
  const [port, storagePort] = await freePorts('127.0.0.1')
  return Array.from({ length: count }, (_, i) => {
    const settings: NodeSettings = {
      home: path.join(folder, `cassandra-${i + 1}`),
      host: `127.0.0.${i + 1}`,
      port,
      storagePort,
      dataCenter: dataCenter(i),
      seeds: ['127.0.0.1'],
      heap: HEAP,
      startMs: START_MS,
    }
    return new CassandraPart(count === 1 ? 'cassandra' : `cassandra-${i + 1}`, settings, toolchain.java)
  })
}

export function dataCenter(i: number): string {
  return `dc${i + 1}`
}

/** Each table's rows as that node alone has them, as text that can be compared. */
export async function rowsOn(node: CassandraPart, keyspace: string): Promise<Map<string, string>> {
  const client = new Client({
    contactPoints: [node.contactPoint],
    localDataCenter: node.settings.dataCenter,
    keyspace,
    queryOptions: { consistency: 10 /* LOCAL_ONE */, fetchSize: 5000 },
  })
  try {
    const rows = new Map<string, string>()
    for (const [table, columns] of [
      ['home', 'fleet, root, epoch, region, import_from'],
      ['root_state', 'fleet, root, kind, value'],
      ['root_queue', 'fleet, root, position, session'],
      ['root_retained', 'fleet, root, topic'],
      ['root_shadow', 'fleet, root, path, shadow'],
    ] as const) {
      const found = await client.execute(`SELECT ${columns} FROM ${keyspace}.${table}`)
      for (const row of found.rows) {
        const text = JSON.stringify(row)
        rows.set(`${table} ${text}`, text)
      }
    }
    return rows
  } finally {
    await client.shutdown()
  }
}

/** Rows that are not the same on all nodes. */
export function differences(copies: readonly ReadonlyMap<string, string>[]): string[] {
  const keys = new Set(copies.flatMap((copy) => [...copy.keys()]))
  return [...keys].filter((key) => new Set(copies.map((copy) => copy.get(key))).size > 1)
}
