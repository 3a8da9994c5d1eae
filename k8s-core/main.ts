// The core's process: configuration, store, HTTP server, and a drain that loses nothing.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { pino } from 'pino'
import { docsPage } from '../src/api/docs-page.ts'
import { coreApp } from './app.ts'
import { coreConfig } from './config.ts'
import { Directory } from './directory.ts'
import { EdgeHttp } from './edge-http.ts'
import { Edges } from './edges.ts'
import { CLOSE_IDLE_EVERY_MS, FINISH_MS_MAX, KEEP_ALIVE_MS, NOTICES_EVERY_MS } from './limits.ts'
import { CoreMetrics } from './metrics.ts'
import { Registry } from './registry/registry.ts'
import { Relay } from './relay.ts'
import { Silence } from './silence.ts'
import { openStore } from './store/open.ts'

const config = coreConfig(process.env)
const log = pino({ level: config.logLevel })
const metrics = new CoreMetrics()
const store = metrics.observed(await openStore(config.store))
await store.migrate()

const edges = new Edges(new EdgeHttp(config.edges, config.relaySecret))
const directory = new Directory(
  store,
  edges,
  new Silence(edges, config.failOverAfterMs),
  () => performance.now(),
  (fleet, root, { region, epoch }) =>
    log.warn(
      { fleet, root, region, epoch },
      'the directory had an older home than a region, and was corrected',
    ),
)
const relay = new Relay(directory, edges)
const registry = new Registry(store.registry, edges, log, () => store.now())
const looking = setInterval(() => void registry.notices.look(), NOTICES_EVERY_MS)
let draining = false
const app = coreApp({
  store,
  directory,
  relay,
  registry,
  relaySecret: config.relaySecret,
  clientTokenSecret: config.clientTokenSecret,
  chosen: config.chosen,
  log,
  metrics,
  draining: () => draining,
})

const assets = config.assets ?? path.join(import.meta.dirname, 'assets')
app.route(
  '/',
  docsPage((file) => readFile(path.join(assets, 'docs', file)).catch(() => null)),
)
if (config.metricsPort === null) app.get('/metrics', () => metrics.response())
const metricsServer =
  config.metricsPort === null
    ? null
    : serve({ fetch: () => metrics.response(), hostname: config.host, port: config.metricsPort })

const server = serve({ fetch: app.fetch, hostname: config.host, port: config.port }, ({ port }) => {
  log.info({ host: config.host, port, regions: edges.regions, store: config.store.kind }, 'the core serves')
  // A parent that started this process learns the port.
  process.send?.({ ready: { port } })
})

if ('keepAliveTimeout' in server) server.keepAliveTimeout = KEEP_ALIVE_MS

/** Reports "not ready", so that no new call arrives, then finishes open calls. Edges repeat calls that got no answer. */
async function drain(signal: NodeJS.Signals): Promise<void> {
  if (draining) return
  draining = true
  log.info({ signal, drainMs: config.drainMs }, 'the core drains')
  await sleep(config.drainMs)
  const closed = new Promise<void>((done) => server.close(() => done()))
  // Edges hold connections open: close idle ones now, and busy ones after their call.
  if ('closeIdleConnections' in server) {
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
    const all = setTimeout(() => server.closeAllConnections(), FINISH_MS_MAX)
    await closed
    clearInterval(idle)
    clearTimeout(all)
  }
  clearInterval(looking)
  metricsServer?.close()
  await store.close()
  process.exit(0)
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    drain(signal).catch((cause) => {
      log.fatal({ err: cause }, 'the drain failed')
      process.exit(1)
    })
  })
}
