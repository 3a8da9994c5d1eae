// A core with an embedded store of its own, and no region, in this process.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { coreApp } from '../../k8s-core/app.ts'
import { Directory } from '../../k8s-core/directory.ts'
import { Edges } from '../../k8s-core/edges.ts'
import type { CoreMetrics } from '../../k8s-core/metrics.ts'
import { Registry } from '../../k8s-core/registry/registry.ts'
import { Relay } from '../../k8s-core/relay.ts'
import type { RegisteringStore } from '../../k8s-core/store/port.ts'
import { openSqliteStore } from '../../k8s-core/store/sqlite.ts'

export interface OneCore {
  readonly app: ReturnType<typeof coreApp>
  readonly store: RegisteringStore
  close(): Promise<void>
}

export async function startOneCore(secrets: {
  readonly relaySecret: string
  readonly clientTokenSecret: string
  readonly metrics?: CoreMetrics
}): Promise<OneCore> {
  const dir = await mkdtemp(path.join(tmpdir(), 'starling-core-'))
  const plain = await openSqliteStore(path.join(dir, 'core.sqlite'))
  await plain.migrate()
  const store = secrets.metrics?.observed(plain) ?? plain
  const edges = new Edges(new Map(), secrets.relaySecret)
  const directory = new Directory(store, edges)
  const log = pino({ level: 'silent' })
  const app = coreApp({
    store,
    directory,
    relay: new Relay(directory, edges),
    registry: new Registry(store.registry, edges, log),
    log,
    draining: () => false,
    ...secrets,
  })
  return {
    app,
    store,
    close: async () => {
      await plain.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
