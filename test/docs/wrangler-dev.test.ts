// `wrangler dev` as docs/operate.md says it: with a core that has the same secrets a client gets in, its first CONNECT included.

import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { choosePorts } from '../../src/cli/up.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET } from '../../src/id/ids.ts'
import { Command, PROJECT, quoted } from '../clients/commands.ts'
import { readPages } from './pages.ts'

const START_MS = 120_000
const VARIABLES = path.join(PROJECT, '.dev.vars')

let folder: string
/** A developer's own file stays as it is. */
const own = existsSync(VARIABLES)
const running: Command[] = []

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-dev-'))
  if (!own) await copyFile(path.join(PROJECT, '.dev.vars.example'), VARIABLES)
})
afterAll(async () => {
  await Promise.all(running.map((command) => command.interrupt()))
  if (!own) await rm(VARIABLES, { force: true })
  await rm(folder, { recursive: true, force: true })
})

function started(line: string, env: Record<string, string> = {}): Command {
  const command = new Command(line, { CI: 'true', WRANGLER_SEND_METRICS: 'false', ...env })
  running.push(command)
  return command
}

it(
  'lets a client in that nobody knew before, when its core was started as the page says',
  async () => {
    const page = readPages().find(({ file }) => file === 'docs/operate.md')?.text ?? ''
    expect(page).toMatch(/^cp \.dev\.vars\.example \.dev\.vars .*\nnpm run dev:core .*\nnpm run dev /m)
    const [core = 0, edge = 0] = await choosePorts(0, 2)
    const urls = ['eu', 'us', 'ap'].map((region) => `${region}=http://127.0.0.1:${edge}`).join(',')
    const ofCore = { EDGES: urls, PORT: String(core), SQLITE_PATH: path.join(folder, 'core.sqlite') }
    await started('exec npm run dev:core', ofCore).says('stdout', 'the core serves')
    const options = `--port ${edge} --ip 127.0.0.1 --persist-to ${quoted(folder)} --var CORE_URL:http://127.0.0.1:${core}`
    await started(`exec npm run dev -- ${options}`).says('stdout', 'Ready on')

    const text = await readFile(VARIABLES, 'utf8')
    const secret = /^CLIENT_TOKEN_SECRET="(.*)"$/m.exec(text)?.[1] ?? ''
    const password = await signClientToken(
      { client: 'lamp' as ClientId, fleet: DEFAULT_FLEET, admin: false },
      secret,
      3600,
    )
    const lamp = await mqtt.connectAsync(`ws://127.0.0.1:${edge}/mqtt/lamp`, {
      clientId: 'lamp',
      username: 'any',
      password,
      protocolVersion: 5,
      reconnectPeriod: 0,
    })
    expect(lamp.connected).toBe(true)
    await lamp.endAsync()
  },
  START_MS,
)
