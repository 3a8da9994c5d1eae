// The design's import table: which folder may import what.
import { COMPUTED_IMPORT, importsOf, type Source } from './sources.ts'

/** The longest that is a file's beginning is its part. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  // Anywhere: pure TypeScript. The chain is id ← mqtt ← session; relay is the contract of edge and core.
  'src/id/': ['src/id/', 'jose'],
  'src/mqtt/': ['src/mqtt/', 'src/id/'],
  'src/session/': ['src/session/', 'src/history/', 'src/mqtt/', 'src/id/'],
  'src/shadow/': ['src/shadow/', 'src/id/', 'zod'],
  'src/history/': ['src/history/', 'src/mqtt/', 'src/id/'],
  'src/relay/': ['src/relay/', 'src/id/', 'zod', 'jose'],
  // The public API's schemas and routes, which edge and core share; the handlers are theirs.
  'src/api/': [
    'src/api/',
    'src/history/',
    'src/explain/',
    'src/id/',
    'src/mqtt/',
    'src/relay/',
    'src/shadow/',
    '@hono/zod-openapi',
    'hono',
    'zod',
  ],
  'src/explain/': ['src/explain/', 'src/relay/', 'src/session/', 'src/mqtt/', 'src/id/'],
  // workerd. Only its outermost files know that it is workerd; the actors see a port.
  'actors/': ['src/', 'actors/', 'hono', 'zod', 'jose'],
  'actors/http/': ['src/', 'actors/', 'hono', 'zod', 'jose'],
  'actors/hosts/workerd/': ['src/', 'actors/', 'hono', 'zod', 'jose', 'cloudflare:workers'],
  // Node. Edge and core meet only in src/relay and in the API that both serve.
  'k8s-core/': [
    'src/api/',
    'src/history/',
    'src/id/',
    'src/mqtt/',
    'src/relay/',
    'k8s-core/',
    'node:',
    '@hono/node-server',
    'cassandra-driver',
    'hono',
    'jose',
    'pino',
    'prom-client',
    'zod',
  ],
  // Checks the chart at build time, and is no part of the core that runs.
  'k8s-core/chart/': ['k8s-core/chart/', 'node:', 'ajv', 'yaml', 'zod'],
  // Puts all of it together on one machine.
  'src/cli/': [
    'src/',
    'actors/',
    'k8s-core/',
    'node:',
    'cli-table3',
    'commander',
    'esbuild',
    'eventsource-parser',
    'miniflare',
    'mqtt',
    'picocolors',
    'wrangler',
    'zod',
  ],
}

/** What a part may not import although its list has it. */
const EXCEPT: Readonly<Record<string, readonly string[]>> = {
  'actors/': ['src/cli/', 'actors/hosts/', 'actors/http/'],
  'actors/hosts/workerd/': ['src/cli/'],
  'actors/http/': ['src/cli/', 'actors/hosts/'],
  'k8s-core/': ['k8s-core/chart/'],
}

function partOf(file: string): string | undefined {
  return Object.keys(PARTS)
    .filter((part) => file.startsWith(part))
    .sort((a, b) => b.length - a.length)[0]
}

function within(name: string, allowed: string): boolean {
  if (allowed.endsWith('/') || allowed.endsWith(':')) return name.startsWith(allowed)
  return name === allowed || name.startsWith(`${allowed}/`)
}

/** Each import of the source that the table does not allow, as a sentence. */
export function forbiddenImports(source: Source): string[] {
  const part = partOf(source.file)
  if (part === undefined) return [`${source.file} is in no folder of the import table`]
  return importsOf(source)
    .filter((name) => {
      const allowed = PARTS[part]?.some((one) => within(name, one)) === true
      return !allowed || EXCEPT[part]?.some((one) => within(name, one)) === true
    })
    .map((name) => `${source.file} must not import ${name}${name === COMPUTED_IMPORT ? '' : ` (${part})`}`)
}
