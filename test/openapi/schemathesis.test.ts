// All that the OpenAPI documents of edge and core list, asked by schemathesis: made-up requests, right ones and wrong ones. No
// answer may be a 5xx, nor anything that the document does not say.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prepareVenv } from '../clients/python-venv.ts'
import { Client } from '../e2e/client.ts'
import { ask } from '../e2e/http.ts'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'

/** The machine may be busy; alone it takes some ten seconds. */
const RUN_MS = 420_000
const EXAMPLES = 6
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'response_headers_conformance',
  'ignored_auth',
  'unsupported_method',
]

const venv = await prepareVenv({
  name: 'schemathesis-venv',
  requirements: path.join(import.meta.dirname, 'requirements.txt'),
  module: 'schemathesis',
})
if (!venv.found && !process.env.CI)
  process.stderr.write(`\n  !!  SKIPPED: schemathesis.\n  !!  ${venv.missing}\n\n`)

it.skipIf(venv.found || !process.env.CI)('has a Python to run schemathesis with', () => {
  expect.fail(venv.found ? '' : venv.missing)
})

describe.skipIf(!venv.found)('schemathesis', () => {
  let system: System
  let lamp: Client
  let token: string

  /** What the documents' examples name is there, so that right requests get right answers. */
  beforeAll(async () => {
    system = await System.start()
    token = (await system.local()).adminToken
    lamp = await Client.connect(system, 'eu', 'lamp')
    // It answers what it is called for, or each call would take its whole time.
    lamp.mqtt.on('message', (topic) => {
      lamp.mqtt.publish(`devices/lamp/answers/${topic.split('/').at(-1)}`, '{}', { qos: 1 })
    })
    await lamp.subscribe('devices/lamp/commands/#')
    const seeds = [
      ['core', 'POST', '/v1/devices', { device: 'lamp', id: 'lamp' }],
      ['eu', 'PATCH', '/v1/devices/lamp/shadow', { state: { desired: { on: true } } }],
      ['eu', 'POST', '/v1/publish', { topic: 'rooms/42/light', text: 'on', retain: true }],
    ] as const
    for (const [where, method, asked, body] of seeds) await ask(system, where, token, asked, { method, body })
  }, SYSTEM_START_MS)
  afterAll(async () => {
    await lamp.end()
    await system.stop()
  })

  it.each(['eu', 'core'])(
    'finds no 5xx and nothing that its document does not say at %s',
    async (where) => {
      const local = await system.local()
      const base = where === 'core' ? local.core.http : local.regions[where]?.http
      const { code, said } = await run([
        'run',
        `${base}/openapi.json`,
        '--header',
        `Authorization: Bearer ${token}`,
        ...['--checks', CHECKS.join(','), '--phases', 'examples,coverage,fuzzing'],
        ...['--max-examples', String(EXAMPLES), '--seed', '1', '--request-timeout', '30', '--no-color'],
        '--suppress-health-check=all',
        // A stream that has no end.
        ...['--exclude-operation-id', 'watch'],
      ])
      expect(code, said).toBe(0)
      const [, operations = '0'] = /Tested: (\d+)/.exec(said) ?? []
      expect(Number(operations)).toBeGreaterThan(5)
    },
    RUN_MS,
  )
})

async function run(options: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  if (!venv.found) throw new Error(venv.missing)
  const { python } = venv
  // It leaves notes where it runs.
  const cwd = await mkdtemp(path.join(tmpdir(), 'starling-schemathesis-'))
  const limits = { cwd, timeout: RUN_MS, maxBuffer: 64 * 1024 * 1024 }
  const ended = await new Promise<{ readonly code: number; readonly said: string }>((done) => {
    const program = ['-c', 'from schemathesis.cli import schemathesis; schemathesis()', ...options]
    execFile(python, program, limits, (error, stdout, stderr) => {
      done({
        code: error === null ? 0 : Number(error.code ?? 1),
        said: `${stdout}\n${stderr}`.slice(-20_000),
      })
    })
  })
  await rm(cwd, { recursive: true, force: true })
  return ended
}
