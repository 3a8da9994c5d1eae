// A core in this process: over a store and regions that are given, or with an embedded store of its own and no region.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { coreApp } from '../../k8s-core/app.ts'
import { Directory } from '../../k8s-core/directory.ts'
import { EdgeHttp } from '../../k8s-core/edge-http.ts'
import { Edges } from '../../k8s-core/edges.ts'
import type { CoreMetrics } from '../../k8s-core/metrics.ts'
import { Registry } from '../../k8s-core/registry/registry.ts'
import { Relay } from '../../k8s-core/relay.ts'
import type { RegisteringStore } from '../../k8s-core/store/port.ts'
import { openSqliteStore } from '../../k8s-core/store/sqlite.ts'
import type { ChosenTopics } from '../../src/history/chosen.ts'

export interface OneCore {
  readonly app: ReturnType<typeof coreApp>
  readonly store: RegisteringStore
  close(): Promise<void>
}

export interface Secrets {
  readonly relaySecret: string
  readonly clientTokenSecret: string
}

export interface CoreSettings extends Secrets {
  readonly metrics?: CoreMetrics
  readonly chosen?: ChosenTopics | null
  /** What the registry takes for the store's clock, ms since the epoch. */
  readonly now?: () => number
}

/** A store, and what takes away all that it kept once it is closed. */
export interface Place {
  readonly store: RegisteringStore
  drop(): Promise<void>
}

export async function sqlitePlace(): Promise<Place> {
  const dir = await mkdtemp(path.join(tmpdir(), 'starling-core-'))
  const store = await openSqliteStore(path.join(dir, 'core.sqlite'))
  return { store, drop: () => rm(dir, { recursive: true, force: true }) }
}

/** A core over this store and these regions. */
export function coreOver(store: RegisteringStore, edges: Edges, more: CoreSettings) {
  const { now, ...parts } = more
  const log = pino({ level: 'silent' })
  const directory = new Directory(store, edges)
  const relay = new Relay(directory, edges)
  const registry = new Registry(store.registry, edges, log, now ?? (() => store.now()))
  const app = coreApp({
    store,
    directory,
    relay,
    registry,
    log,
    chosen: null,
    draining: () => false,
    ...parts,
  })
  return { app, registry }
}

export async function startOneCore(more: CoreSettings): Promise<OneCore> {
  const { store: plain, drop } = await sqlitePlace()
  await plain.migrate()
  const store = more.metrics?.observed(plain) ?? plain
  const { app } = coreOver(store, new Edges(new EdgeHttp(new Map(), more.relaySecret)), more)
  return {
    app,
    store,
    close: async () => {
      await plain.close()
      await drop()
    },
  }
}
