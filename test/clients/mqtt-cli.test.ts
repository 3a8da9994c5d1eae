// The first minutes of a new user: the lines that `starling up` prints, and the `starling token` command.

import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readSecrets } from '../../src/cli/local.ts'
import { SYSTEM_START_MS, System, until } from '../e2e/system.ts'
import { validClaims } from '../id/valid-claims.ts'
import { Command, type Ended, PROJECT, quoted, run } from './commands.ts'

const CASE_MS = 60_000
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/

let system: System
beforeAll(async () => {
  system = await System.start()
  // Its last words; local.json is there a little earlier.
  await until(() => system.log.includes('Ctrl-C stops everything'))
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const running: Command[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((command) => command.interrupt()))
})

function printed(beginning: string): string {
  const lines = system.log.split('\n').map((line) => line.trim())
  const found = lines.filter((line) => line.startsWith(beginning))
  if (found.length !== 1) throw new Error(`${found.length} lines with '${beginning}' in:\n${system.log}`)
  return found[0] ?? ''
}

/** Returns when the SUBACK has come, of which only mqtt.js's debug output tells. */
async function subscribed(line: string): Promise<Command> {
  const command = new Command(line, { DEBUG: 'mqttjs:client' })
  running.push(command)
  await command.says('stderr', 'packet type suback')
  return command
}

/** With QoS 1 the command ends when the PUBACK has come. */
async function published(line: string): Promise<void> {
  expect(await run(line)).toEqual({ code: 0, stdout: '', stderr: '' })
}

const starling = (args: string): Promise<Ended> =>
  run(`${quoted(process.execPath)} ${quoted(path.join(PROJECT, 'src/cli/starling.ts'))} ${args}`)
const token = (args: string): Promise<Ended> => starling(`token --dir ${quoted(system.dir)} ${args}`)

describe('the lines that `starling up` prints', () => {
  it.each([
    { version: 'the version that the command chooses', options: '' },
    { version: 'MQTT 3.1.1', options: ' --protocolVersion 4' },
    { version: 'MQTT 5', options: ' --protocolVersion 5' },
  ])(
    'carry a command from an app in us to a lamp in eu, with $version',
    async ({ options }) => {
      const lamp = await subscribed(printed('npx mqtt sub ') + options)
      await published(printed('npx mqtt pub ') + options)
      await lamp.says('stdout', '\n')
      expect(lamp.stdout).toBe('devices/lamp/cmd/power on\n')
    },
    CASE_MS,
  )

  it('name a topic filter below the lamp, QoS 1, and each its own region', async () => {
    const port = async (region: string) => new URL(await system.mqttUrl(region)).port
    const sub = printed('npx mqtt sub ')
    expect(sub).toContain(` -t 'devices/lamp/cmd/#' -q 1 `)
    expect(sub).toContain(` -l ws -h 127.0.0.1 -p ${await port('eu')} --path /mqtt/lamp `)
    const pub = printed('npx mqtt pub ')
    expect(pub).toContain(` -q 1 `)
    expect(pub).toContain(` -l ws -h 127.0.0.1 -p ${await port('us')} --path /mqtt/phone `)
  })

  it(
    'keep for the lamp what is sent while it is away, when it asks for that with --no-clean',
    async () => {
      const line = `${printed('npx mqtt sub ')} --no-clean`
      const before = await subscribed(line)
      await before.interrupt()
      await published(printed('npx mqtt pub '))
      const after = await subscribed(line)
      await after.says('stdout', '\n')
      expect(after.stdout).toBe('devices/lamp/cmd/power on\n')
    },
    CASE_MS,
  )

  it(
    'lead to a token for any other client id, which lets it in',
    async () => {
      const asked = printed('A token for any other client id').replace(/^.*: /, '')
      const made = await run(asked.replace('<clientId>', 'heater'))
      expect(made).toMatchObject({ code: 0, stderr: '' })
      const heater = (line: string) =>
        line
          .replaceAll('devices/lamp/', 'devices/heater/')
          .replaceAll(/lamp(?= )|phone(?= )/g, 'heater')
          .replace(/-P \S+/, `-P ${made.stdout.trim()}`)
      const sub = await subscribed(heater(printed('npx mqtt sub ')))
      await published(printed('npx mqtt pub ').replace('devices/lamp/', 'devices/heater/'))
      await sub.says('stdout', '\n')
      expect(sub.stdout).toBe('devices/heater/cmd/power on\n')
    },
    CASE_MS,
  )

  it(
    'let nobody in with the token of another client',
    async () => {
      const lamp = /-P \S+/.exec(printed('npx mqtt sub '))?.[0] ?? ''
      const { stderr } = await run(printed('npx mqtt pub ').replace(/-P \S+/, lamp))
      expect(stderr).toMatch(/refused|not authorized|403|401/i)
    },
    CASE_MS,
  )
})

describe('`starling token`', () => {
  it('prints the token and nothing else', async () => {
    const { code, stdout, stderr } = await token('lamp')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.endsWith('\n')).toBe(true)
    const text = stdout.slice(0, -1)
    expect(text).toMatch(TOKEN)
    const { clientTokenSecret } = await readSecrets(system.dir)
    expect(await validClaims(text, clientTokenSecret)).toMatchObject({
      client: 'lamp',
      fleet: 'default',
      admin: false,
    })
  })

  it('prints one token a line for several client ids, in their order', async () => {
    const { stdout } = await token('lamp phone')
    const { clientTokenSecret } = await readSecrets(system.dir)
    const claims = await Promise.all(
      stdout
        .trimEnd()
        .split('\n')
        .map((text) => validClaims(text, clientTokenSecret)),
    )
    expect(claims.map((one) => one?.client)).toEqual(['lamp', 'phone'])
  })

  it('prints an object of client ids and tokens with --json', async () => {
    const { code, stdout, stderr } = await token('--json lamp phone')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      lamp: expect.stringMatching(TOKEN),
      phone: expect.stringMatching(TOKEN),
    })
  })

  it('makes tokens for the fleet and the days that its options name', async () => {
    const { stdout } = await token('--fleet acme --days 2 lamp')
    const { clientTokenSecret } = await readSecrets(system.dir)
    const inDays = (days: number) =>
      validClaims(stdout.trim(), clientTokenSecret, Date.now() + days * 24 * 3600_000)
    expect(await inDays(1.9)).toMatchObject({ client: 'lamp', fleet: 'acme' })
    expect(await inDays(2.1)).toBeNull()
  })

  it.each(['a/b', 'a+b', '#', '$SYS', '', 'x'.repeat(129), 'a\tb'])(
    'refuses the client id %j',
    async (id) => {
      const { code, stdout, stderr } = await token(quoted(id))
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(/^error: .*'clientId'.*1 to 128 bytes/s)
    },
  )

  it.each([
    ['token', 2, /missing required argument 'clientId'/],
    ['token --nonsense lamp', 2, /unknown option '--nonsense'/],
    ['token --days never lamp', 2, /'--days <n>' argument 'never' is invalid. above 0, at most 3650/],
    ['token --days -1 lamp', 2, /'--days <n>' argument '-1' is invalid. above 0, at most 3650/],
    [
      'token --dir no/such/folder lamp',
      5,
      /there is no no\/such\/folder\/secrets.json: run 'npm start' first/,
    ],
    ['token --fleet Not_A_Fleet lamp', 2, /argument 'Not_A_Fleet' is invalid. not a fleet/],
  ])('`starling %s` ends with %d and says why', async (args, exit, why) => {
    const { code, stdout, stderr } = await starling(args)
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' })
    expect(stderr).toMatch(why)
    expect(stderr).not.toContain('    at ')
  })
})

describe('`starling`', () => {
  it('lists its commands when it is asked for help', async () => {
    const { code, stdout, stderr } = await starling('--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^ {2}up .*^ {2}token /ms)
  })

  it.each([
    ['', /^Usage: starling/],
    ['nonsense', /unknown command 'nonsense'/],
    ['up --nonsense', /unknown option '--nonsense'/],
    ['up nonsense', /too many arguments/],
    ['up --port 99999', /'--port <n>' argument '99999' is invalid. a port, 0 to 65535/],
    ['up --regions EU', /'EU' is not a region/],
    ['up --regions eu,eu', /the region 'eu' is named twice/],
    ['up --keep-alive 0', /'--keep-alive <seconds>' argument '0' is invalid. 1 to 65535 seconds/],
  ])('`starling %s` ends with 2 and says why', async (args, why) => {
    const { code, stdout, stderr } = await starling(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(why)
    expect(stderr).not.toContain('    at ')
  })

  it('does not start a second time on a folder in use, and leaves the first run alone', async () => {
    const { code, stdout, stderr } = await starling(`up --port 0 --dir ${quoted(system.dir)}`)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/is in use by process \d+; stop it first, or give another --dir/)
    expect(await system.serves('eu')).toBe(true)
    expect(await system.serves('core')).toBe(true)
  })
})
