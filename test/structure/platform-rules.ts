// Who may name a platform and read its environment: hosts (actors/hosts/), and what runs on Node alone. All other code gets both
// through a port, so that it runs on every host.
import type { Source } from './sources.ts'

/** What runs on one platform. */
const PLATFORM_FOLDERS = ['actors/hosts/', 'src/cli/', 'k8s-core/', 'test/']

/** Names that only one platform has, beyond the imports that the table of imports forbids. */
const PLATFORM =
  /\b(?:cloudflare:\w+|node:\w+|DurableObject\w*|WebSocketPair|WebSocketRequestResponsePair|ExecutionContext|ExportedHandler\w*|SqlStorage\w*|Fetcher|workerd|miniflare|process\.\w+|Buffer|Deno|Bun)\b/g

/** Settings come through a port: `env.edge` in the HTTP app is one. */
const ENVIRONMENT = /\benv\??\.(?!edge\b)\w+|\benv\??\.?\[|\bimport\.meta\.env\b/g
/** A host's bindings. Hono's type of the same name is generic, and stands in src/api alone. */
const BINDINGS = /\bEnv\b/g

/** Each place that names a platform or reads the environment where it must not, as a sentence. Comments may name both. */
export function platformNames({ file, text }: Source): string[] {
  if (PLATFORM_FOLDERS.some((folder) => file.startsWith(folder))) return []
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/[^\n]*/g, '$1')
  const patterns = file.startsWith('actors/') ? [PLATFORM, ENVIRONMENT, BINDINGS] : [PLATFORM, ENVIRONMENT]
  const names = patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([name]) => name))
  return [...new Set(names)].map((name) => `${file} must not name ${name}: only a host may`)
}
