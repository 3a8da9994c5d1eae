// The core's configuration, read from the environment. The chart's values document it for operators.
import { z } from 'zod'
import { type ChosenTopics, parseChosen } from '../src/history/chosen.ts'
import { CLIENT_TOKEN_SECRET_CHARS_MIN } from '../src/id/client-token.ts'
import type { RegionId } from '../src/id/ids.ts'
import { parsePlacedRegion } from '../src/id/region-place.ts'
import { RELAY_SECRET_CHARS_MIN } from '../src/relay/token.ts'
import { FAIL_OVER_AFTER_MS } from './limits.ts'
import { SYNC_CONSISTENCIES, type SyncConsistency } from './store/cassandra-levels.ts'
import type { StoreSetting } from './store/open.ts'

const edgesSchema = z.string().transform((text, ctx) => {
  const edges = new Map<RegionId, string>()
  for (const pair of text.split(',').filter((one) => one.trim() !== '')) {
    const at = pair.indexOf('=')
    const url = pair
      .slice(at + 1)
      .trim()
      .replace(/\/$/, '')
    if (at < 0 || !URL.canParse(url)) {
      ctx.addIssue({ code: 'custom', message: `'${pair}' is not region=url` })
      return z.NEVER
    }
    try {
      edges.set(parsePlacedRegion(pair.slice(0, at)).region, url)
    } catch (error) {
      ctx.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
      return z.NEVER
    }
  }
  if (edges.size === 0) ctx.addIssue({ code: 'custom', message: 'at least one region=url is needed' })
  return edges
})

const environmentSchema = z
  .object({
    HOST: z.string().default('127.0.0.1'),
    PORT: z.coerce.number().int().min(0).max(65_535).default(8800),
    EDGES: edgesSchema,
    RELAY_SECRET: z.string().min(RELAY_SECRET_CHARS_MIN),
    CLIENT_TOKEN_SECRET: z.string().min(CLIENT_TOKEN_SECRET_CHARS_MIN),
    /** A port that serves `/metrics` alone and is not exposed. Absent: PORT serves it too. */
    METRICS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
    /** The folder of the API's reference page. Default: beside the program. */
    ASSETS: z.string().optional(),
    /** The same setting as at the edges, so that the core can answer "history is off". Absent: the core does not know. */
    HISTORY: z.string().transform(chosenOf).optional(),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    DRAIN_MS: z.coerce.number().int().min(0).default(5_000),
    /** A region that is silent for this long counts as lost: other regions may claim its homes. */
    FAIL_OVER_AFTER_MS: z.coerce.number().int().min(0).default(FAIL_OVER_AFTER_MS),
    STORE: z.enum(['cassandra', 'sqlite']).default('cassandra'),
    SQLITE_PATH: z.string().default('starling-core.sqlite'),
    CASSANDRA_CONTACT_POINTS: z.string().default('127.0.0.1:9042'),
    CASSANDRA_LOCAL_DC: z.string().default(''),
    CASSANDRA_KEYSPACE: z.string().default('starling'),
    CASSANDRA_REPLICATION: z.string().optional(),
    /** The consistency of synced states: docs/decisions/0022-consistency.md. */
    CASSANDRA_SYNC_CONSISTENCY: z.enum(SYNC_CONSISTENCIES).default(SYNC_CONSISTENCIES[0]),
    CASSANDRA_USERNAME: z.string().optional(),
    CASSANDRA_PASSWORD: z.string().optional(),
  })
  .transform((env) => ({
    host: env.HOST,
    port: env.PORT,
    edges: env.EDGES,
    relaySecret: env.RELAY_SECRET,
    clientTokenSecret: env.CLIENT_TOKEN_SECRET,
    metricsPort: env.METRICS_PORT ?? null,
    assets: env.ASSETS,
    chosen: env.HISTORY ?? null,
    logLevel: env.LOG_LEVEL,
    drainMs: env.DRAIN_MS,
    failOverAfterMs: env.FAIL_OVER_AFTER_MS,
    store: storeSetting(env),
  }))

function chosenOf(setting: string, ctx: z.RefinementCtx): ChosenTopics {
  try {
    return parseChosen(setting)
  } catch (error) {
    ctx.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
    return z.NEVER
  }
}

export type CoreConfig = z.infer<typeof environmentSchema>

/** Throws an error that names every wrong variable. */
export function coreConfig(environment: Record<string, string | undefined>): CoreConfig {
  const parsed = environmentSchema.safeParse(environment)
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new Error(`wrong environment variables: ${wrong.join('; ')}`)
  }
  return parsed.data
}

function storeSetting(env: {
  STORE: 'cassandra' | 'sqlite'
  SQLITE_PATH: string
  CASSANDRA_CONTACT_POINTS: string
  CASSANDRA_LOCAL_DC: string
  CASSANDRA_KEYSPACE: string
  CASSANDRA_REPLICATION?: string | undefined
  CASSANDRA_SYNC_CONSISTENCY: SyncConsistency
  CASSANDRA_USERNAME?: string | undefined
  CASSANDRA_PASSWORD?: string | undefined
}): StoreSetting {
  if (env.STORE === 'sqlite') return { kind: 'sqlite', path: env.SQLITE_PATH }
  return {
    kind: 'cassandra',
    contactPoints: env.CASSANDRA_CONTACT_POINTS.split(',').map((one) => one.trim()),
    localDataCenter: env.CASSANDRA_LOCAL_DC,
    keyspace: env.CASSANDRA_KEYSPACE,
    syncConsistency: env.CASSANDRA_SYNC_CONSISTENCY,
    ...(env.CASSANDRA_REPLICATION !== undefined && {
      replication: z.record(z.string(), z.int().min(1)).parse(JSON.parse(env.CASSANDRA_REPLICATION)),
    }),
    ...(env.CASSANDRA_USERNAME !== undefined && { username: env.CASSANDRA_USERNAME }),
    ...(env.CASSANDRA_PASSWORD !== undefined && { password: env.CASSANDRA_PASSWORD }),
  }
}
