// Only hosts name a platform or read its environment; and the check would find a breach.
import { describe, expect, test } from 'vitest'
import { platformNames } from './platform-rules.ts'
import { sourcesIn } from './sources.ts'

test('no source outside a host names a platform or reads the environment', () => {
  expect(sourcesIn('src', 'actors').flatMap(platformNames)).toEqual([])
})

describe('a breach is found', () => {
  test.each([
    "import { DurableObject } from 'cloudflare:workers'",
    'constructor(ctx: DurableObjectState) {}',
    'const { 0: client } = new WebSocketPair()',
    'fetch(request: Request, ctx: ExecutionContext): Response',
    'class Topic extends DurableObject {}',
    "const { readFile } = await import('node:fs/promises')",
    'const bytes = Buffer.from(text)',
    'process.exit(1)',
    'const region = process.env.REGION',
    'const region = c.env.REGION',
    'const region = c.env?.REGION',
    "const region = env['REGION']",
    'function make(env: Env) {}',
    'const mode = import.meta.env.MODE',
  ])('in %j', (text) => {
    expect(platformNames({ file: 'actors/leaf/leaf.ts', text })).not.toEqual([])
    expect(platformNames({ file: 'actors/http/app.ts', text })).not.toEqual([])
    expect(platformNames({ file: 'actors/hosts/workerd/worker.ts', text })).toEqual([])
  })

  test.each([
    '// as workerd does with a DurableObject, from env.REGION',
    '/** On node:sqlite this would be another matter. */',
    'const { regions } = c.env.edge',
    'this.processed.clear()',
    'const environment = 1',
  ])('but not in %j', (text) => {
    expect(platformNames({ file: 'actors/http/app.ts', text })).toEqual([])
  })
})
