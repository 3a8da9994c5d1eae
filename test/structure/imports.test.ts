// Who may import whom, as the design's table says; and that the check would find a breach.
import { describe, expect, test } from 'vitest'
import { forbiddenImports } from './import-rules.ts'
import { COMPUTED_IMPORT, importsOf, sourcesIn } from './sources.ts'

test('every source imports only what its folder may', () => {
  const sources = sourcesIn('src', 'actors', 'k8s-core')
  expect(sources.length).toBeGreaterThan(80)
  expect(sources.flatMap(forbiddenImports)).toEqual([])
})

describe('an import is found', () => {
  test.each([
    "import { x } from './x.ts'",
    "import type { x } from './x.ts'",
    "import x, { y } from './x.ts'",
    "import * as x from './x.ts'",
    'import { x } from "./x.ts"',
    "import './x.ts'",
    "import {\n  a,\n  type b,\n} from './x.ts'",
    "import { x } from // why\n './x.ts'",
    "import { x } from /* why */ './x.ts'",
    "import{x}from'./x.ts'",
    "export { x } from './x.ts'",
    "export * from './x.ts'",
    "export * as x from './x.ts'",
    "export type { x } from './x.ts'",
    "const x = await import('./x.ts')",
    "const x = await import( /* why */ './x.ts')",
    'const x = await import(`./x.ts`)',
    "type X = typeof import('./x.ts')",
    "type X = import('./x.ts').X",
    "const x = require('./x.ts')",
    "import x = require('./x.ts')",
    '/// <reference path="./x.ts" />',
  ])('in %j', (text) => {
    expect(importsOf({ file: 'src/id/a.ts', text })).toEqual(['src/id/x.ts'])
  })

  test.each([
    'const x = await import(name)',
    'const x = await import(/* why */ name)',
    'load(() => import(name))',
    'return import(name)',
  ])('though its name is computed: %j', (text) => {
    expect(importsOf({ file: 'src/id/a.ts', text })).toEqual([COMPUTED_IMPORT])
  })

  test.each([
    "const from = 'a text'",
    'importRows(rows)',
    '  import(records: readonly Row[]): void {\n',
    '  this.retained.import(\n',
    'import.meta.dirname',
    '// a wildcard, from `start` on',
    "it comes from 5 'places'",
  ])('but not in %j', (text) => {
    expect(importsOf({ file: 'src/id/a.ts', text })).toEqual([])
  })

  test('as a path from the project’s folder, and a package as it is written', () => {
    const text = "import '../../src/id/ids.ts'\nimport 'hono/body-limit'\nimport '../../../elsewhere.ts'"
    expect(importsOf({ file: 'actors/leaf/leaf.ts', text })).toEqual([
      'src/id/ids.ts',
      'hono/body-limit',
      '../elsewhere.ts',
    ])
  })
})

describe('the table', () => {
  test.each([
    ['src/id/ids.ts', '../mqtt/topic.ts'],
    ['src/id/ids.ts', '../relay/names.ts'],
    ['src/id/ids.ts', 'zod'],
    ['src/mqtt/decode.ts', '../session/session.ts'],
    ['src/mqtt/decode.ts', '../relay/batch.ts'],
    ['src/mqtt/decode.ts', 'jose'],
    ['src/mqtt/decode.ts', 'node:buffer'],
    ['src/session/session.ts', '../relay/home.ts'],
    ['src/session/session.ts', 'zod'],
    ['src/session/session.ts', '../../actors/platform.ts'],
    ['src/relay/home.ts', '../mqtt/message.ts'],
    ['src/relay/home.ts', '../session/session.ts'],
    ['src/relay/home.ts', 'node:crypto'],
    ['src/relay/home.ts', 'cloudflare:workers'],
    ['src/relay/home.ts', '../../k8s-core/app.ts'],
    ['src/relay/home.ts', '../../test/relay/samples.ts'],
    ['src/relay/home.ts', '../cli/up.ts'],
    ['src/relay/home.ts', 'zodiac'],
    ['src/relay/home.ts', '../api/names.ts'],
    ['src/api/names.ts', '../session/session.ts'],
    ['src/api/names.ts', '../../actors/limits.ts'],
    ['src/api/names.ts', 'node:crypto'],
    ['src/new/thing.ts', '../id/ids.ts'],
    ['src/loose.ts', './id/ids.ts'],
    ['src/cli/up.ts', '../../test/load/run.ts'],
    ['actors/leaf/leaf.ts', '../../src/cli/up.ts'],
    ['actors/leaf/leaf.ts', '../../k8s-core/store/port.ts'],
    ['actors/leaf/leaf.ts', '../../test/sim/sim.ts'],
    ['actors/leaf/leaf.ts', '../hosts/workerd/env.ts'],
    ['actors/leaf/leaf.ts', '../http/mqtt-route.ts'],
    ['actors/leaf/leaf.ts', '../hosts/workerd/worker.ts'],
    ['actors/leaf/leaf.ts', 'cloudflare:workers'],
    ['actors/leaf/leaf.ts', 'node:buffer'],
    ['actors/platform.ts', './hosts/workerd/env.ts'],
    ['actors/http/mqtt-route.ts', '../hosts/workerd/env.ts'],
    ['actors/http/mqtt-route.ts', 'cloudflare:workers'],
    ['actors/hosts/workerd/env.ts', '../../../src/cli/up.ts'],
    ['actors/hosts/workerd/env.ts', 'node:fs'],
    ['actors/hosts/workerd/env.ts', 'pino'],
    ['actors/hosts/workerd/worker.ts', '../../../k8s-core/app.ts'],
    ['k8s-core/app.ts', '../src/session/session.ts'],
    ['k8s-core/app.ts', '../src/cli/up.ts'],
    ['k8s-core/app.ts', '../actors/limits.ts'],
    ['k8s-core/app.ts', '../test/store/store-suite.ts'],
    ['k8s-core/app.ts', './chart/check.ts'],
    ['k8s-core/app.ts', 'yaml'],
    ['k8s-core/app.ts', 'miniflare'],
    ['k8s-core/app.ts', 'cloudflare:workers'],
    ['k8s-core/app.ts', '../../outside.ts'],
    ['k8s-core/chart/check.ts', '../app.ts'],
  ])('does not let %s import %s', (file, name) => {
    expect(forbiddenImports({ file, text: `import { x } from '${name}'` })).toHaveLength(1)
    expect(forbiddenImports({ file, text: `import type { x } from '${name}'` })).toHaveLength(1)
  })

  test.each([
    ['src/id/client-token.ts', 'jose'],
    ['src/mqtt/message.ts', '../id/ids.ts'],
    ['src/session/session.ts', '../mqtt/topic.ts'],
    ['src/relay/names.ts', '../id/ids.ts'],
    ['src/api/names.ts', '../relay/names.ts'],
    ['src/api/names.ts', '@hono/zod-openapi'],
    ['k8s-core/http/api.ts', '../../src/api/names.ts'],
    ['src/cli/up.ts', '../../k8s-core/main.ts'],
    ['src/cli/up.ts', '../../actors/hosts/workerd/worker.ts'],
    ['actors/leaf/leaf.ts', '../../src/session/session.ts'],
    ['actors/http/mqtt-route.ts', '../device/device.ts'],
    ['actors/hosts/workerd/durable-objects.ts', 'cloudflare:workers'],
    ['actors/hosts/workerd/worker.ts', './env.ts'],
    ['k8s-core/app.ts', '../src/relay/home.ts'],
    ['k8s-core/app.ts', 'hono/body-limit'],
    ['k8s-core/store/sqlite.ts', 'node:sqlite'],
    ['k8s-core/chart/check.ts', 'yaml'],
  ])('lets %s import %s', (file, name) => {
    expect(forbiddenImports({ file, text: `import { x } from '${name}'` })).toEqual([])
  })

  test('lets nobody but the tests compute what to import', () => {
    const text = 'const x = await import(name)'
    expect(forbiddenImports({ file: 'src/cli/up.ts', text })).toEqual([
      'src/cli/up.ts must not import a computed name',
    ])
  })
})
