// A real workerd whose actors are counted, with a core of its own.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type ServerType, serve } from '@hono/node-server'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { SYNC_ALARM_MS } from '../../actors/limits.ts'
import { EDGE_OPTIONS } from '../../src/cli/edge-options.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET } from '../../src/id/ids.ts'
import { startOneCore } from '../core/one-core.ts'
import type { System } from '../e2e/system.ts'

const SECRET = 'a secret of more than thirty-two characters'
/** When nothing has been counted for so long, no alarm is to come of what was before. */
const QUIET_MS = SYNC_ALARM_MS + 1_000

export interface Counts {
  readonly made: number
  readonly sql: number
  readonly rows: number
  readonly alarms: number
}

export interface CountedEdge {
  /** For `Raw`. */
  readonly system: System
  counts(): Promise<Counts>
  /** The statements since the last time this was asked, each behind its actor's kind; CONNACK where one left. */
  statements(): Promise<string[]>
  /** What is counted when all that was done so far has had its consequences. */
  quiet(): Promise<Counts>
  stop(): Promise<void>
}

export async function startCountedEdge(
  settings: Readonly<Record<string, string>> = {},
): Promise<CountedEdge> {
  const dir = await mkdtemp(path.join(tmpdir(), 'starling-idle-'))
  const worker = path.join(dir, 'worker.mjs')
  await build({
    entryPoints: [path.join(import.meta.dirname, 'counting-worker.ts')],
    bundle: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    outfile: worker,
  })
  const core = await startOneCore({ relaySecret: SECRET, clientTokenSecret: SECRET })
  let server: ServerType | undefined
  const corePort = await new Promise<number>((ready) => {
    server = serve({ fetch: core.app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => ready(port))
  })
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: worker }],
    modulesRoot: dir,
    ...EDGE_OPTIONS,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    bindings: {
      REGION: 'eu',
      REGIONS: 'eu',
      CORE_URL: `http://127.0.0.1:${corePort}`,
      RELAY_SECRET: SECRET,
      CLIENT_TOKEN_SECRET: SECRET,
      ...settings,
    },
  })
  const url = (await miniflare.unsafeGetDirectURL()).origin
  const get = async (what: string) => (await fetch(`${url}/${what}`)).json()
  const counts = async () => (await get('counts')) as Counts
  return {
    system: {
      mqttUrl: () => Promise.resolve(`${url.replace('http', 'ws')}/mqtt`),
      token: (client: string) =>
        signClientToken({ client: client as ClientId, fleet: DEFAULT_FLEET, admin: false }, SECRET, 3600),
    } as unknown as System,
    counts,
    statements: async () => (await get('statements')) as string[],
    async quiet() {
      for (let last = await counts(); ; ) {
        await sleep(QUIET_MS)
        const now = await counts()
        if (isDeepStrictEqual(now, last)) return now
        last = now
      }
    },
    async stop() {
      await miniflare.dispose()
      server?.close()
      await core.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
