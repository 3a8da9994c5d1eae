// The command against a real system, as scripts use it: exit codes, JSON, pipes, signals, and a system that is elsewhere.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Client } from '../e2e/client.ts'
import { SYSTEM_START_MS, System, until } from '../e2e/system.ts'
import { type Ran, Running, starling } from './starling.ts'

const CASE_MS = 90_000
/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:9'

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const running: Running[] = []
const clients: Client[] = []
afterEach(async () => {
  for (const one of running.splice(0)) one.process.kill('SIGKILL')
  for (const one of clients.splice(0)) one.mqtt.end(true)
})

const here = (...args: string[]): Promise<Ran> => starling(['--dir', system.dir, ...args])
const begun = (...args: string[]): Running => {
  const one = new Running(['--dir', system.dir, ...args])
  running.push(one)
  return one
}
const connected = async (id: string, region = 'us'): Promise<Client> => {
  const one = await Client.connect(system, region, id)
  clients.push(one)
  return one
}
const edges = async (): Promise<string> => {
  const { regions } = await system.local()
  return Object.entries(regions)
    .map(([region, { http }]) => `${region}=${http}`)
    .join(',')
}

describe('wrong usage ends with 2, says why, and asks nobody', () => {
  it.each([
    [['pub', 'a/b'], /one message: as an argument/],
    [['pub', 'a/b', 'x', '--stdin'], /one message/],
    [['pub', 'a/b', 'x', '--lines'], /one message/],
    [['pub', 'a/#', 'x'], /no wildcards/],
    [['pub', 'a/b', 'x', '--qos', '3'], /Allowed choices are 0, 1, 2/],
    [['pub', 'a/b', 'x', '--expiry', 'soon'], /such as 30s/],
    [['pub', 'a/b', 'x', '--mqtt', '3', '--expiry', '5s'], /3\.1\.1 has no properties/],
    [['pub', 'a/b', 'x', '--user-property', 'x'], /such as name=value/],
    [['pub', 'a/b', '--file', 'no/such/file'], /no\/such\/file cannot be read \(ENOENT\)/],
    [['sub'], /missing required argument 'filter'/],
    [['sub', 'a/#/b'], /at the end/],
    [['sub', 'a', '--count', '0'], /a number, at least 1/],
    [['sub', 'a', '--session-expiry', '1h'], /needs a name: --client/],
    [['shadow'], /Usage: starling shadow/],
    [['shadow', 'set', 'lamp'], /changes are wanted/],
    [['shadow', 'set', 'lamp', 'on'], /not a change: 'on'/],
    [['shadow', 'get', 'lamp', '--name', 'a/b'], /1 to 64 of the characters/],
    [['shadow', 'set', 'lamp', 'a=b', '--if-match', 'x'], /a version, as get says it/],
    [['presence', 'a/b'], /1 to 128 bytes/],
    [['presence', 'lamp', '--region', 'mars'], /no region mars runs in .*, but eu, us/],
    [['presence', 'lamp', '--edge', NOWHERE], /not both/],
  ])('%j', async (args, why) => {
    const { code, stdout, stderr } = await here(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(why)
    expect(stderr).not.toContain('    at ')
  })

  it.each([
    [['presence', 'lamp', '--edge', 'nowhere'], /not a URL: 'nowhere'/],
    [['presence', 'lamp', '--edge', NOWHERE], /a token is needed: --token or STARLING_TOKEN/],
    [['presence', 'lamp', '--core', NOWHERE], /say where the edge is/],
    [['presence', 'lamp', '--edge', NOWHERE, '--region', 'eu'], /no edge of the region eu was named/],
    [['token', 'lamp', '--edge', NOWHERE], /set CLIENT_TOKEN_SECRET/],
  ])('%j', async (args, why) => {
    const { code, stdout, stderr } = await starling(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(why)
  })
})

describe('a system that cannot be reached', () => {
  it.each([
    [['presence', 'lamp']],
    [['pub', 'a/b', 'x']],
    [['sub', 'a/b']],
    [['shadow', 'get', 'lamp']],
    [['shadow', 'set', 'lamp', 'a=b']],
    [['shadow', 'watch', 'lamp']],
  ])('ends %j with 5', async (args) => {
    const token = await system.token('lamp')
    const ran = await starling([...args, '--edge', NOWHERE, '--token', token])
    expect(ran).toMatchObject({ code: 5, stdout: '' })
    expect(ran.stderr).toMatch(/^starling: .*127\.0\.0\.1:9.* cannot be reached \(.+\)\n$/)
  })

  it('is named by status, beside what serves, with 5', async () => {
    const { regions, core } = await system.local()
    const edge = `eu=${regions.eu?.http},us=${NOWHERE}`
    const { code, stdout, stderr } = await starling(['status', '--json', '--edge', edge, '--core', core.http])
    expect(code).toBe(5)
    expect(stderr).toBe(`starling: not ready: the edge at ${NOWHERE}\n`)
    expect(JSON.parse(stdout)).toEqual({
      ready: false,
      parts: [
        { part: 'edge', url: regions.eu?.http, regions: ['eu'], ready: true, ms: expect.any(Number) },
        { part: 'edge', url: NOWHERE, ready: false, problem: 'cannot be reached', ms: expect.any(Number) },
        { part: 'core', url: core.http, ready: true, ms: expect.any(Number) },
      ],
    })
  })

  it('because nothing runs in the folder ends with 5 too', async () => {
    const { code, stderr } = await starling(['presence', 'lamp', '--dir', 'no/such/folder'])
    expect(code).toBe(5)
    expect(stderr).toMatch(/nothing runs in no\/such\/folder: begin with 'npm start'/)
  })

  it('because something else answers there is said', async () => {
    const server = createServer((_request, response) => response.end('<html>hello</html>'))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const asked = await starling(['presence', 'lamp', '--edge', url, '--token', 'x'])
    const subscribed = await starling(['sub', 'a', '--edge', url, '--token', await system.token('lamp')])
    server.close()
    expect(asked).toMatchObject({ code: 1, stdout: '' })
    expect(asked.stderr).toMatch(/answered something else than this version of the command expects/)
    expect(subscribed.code).not.toBe(0)
    expect(subscribed.stderr).toMatch(/^starling: .*(HTTP status 200|closed)/)
  })
})

describe('a token that is not good ends with 4', () => {
  it.each([
    ['of another secret', () => system.token('lamp', { secret: 'another-secret-of-32-characters!!' })],
    ['that has expired', () => system.token('lamp', { seconds: -3600 })],
  ])(
    '%s',
    async (_what, make) => {
      const token = await make()
      for (const args of [
        ['presence', 'lamp'],
        ['pub', 'a/b', 'x'],
        ['sub', 'a/b'],
        ['shadow', 'get', 'lamp'],
      ]) {
        const ran = await here(...args, '--token', token)
        expect(ran, args.join(' ')).toMatchObject({ code: 4, stdout: '' })
        expect(ran.stderr, args.join(' ')).toMatch(
          /token is not valid|token has expired|Bad User Name Or Password/,
        )
      }
    },
    CASE_MS,
  )

  it('of another client', async () => {
    const token = await system.token('lamp')
    const pub = await here('pub', 'a/b', 'x', '--client', 'phone', '--token', token)
    expect(pub).toMatchObject({ code: 4, stdout: '' })
    expect(pub.stderr).toMatch(/the token is of the client lamp, not of phone/)
    expect(await here('presence', 'phone', '--token', token)).toMatchObject({ code: 4, stdout: '' })
  })
})

describe('a system that is elsewhere', () => {
  it(
    'is found by options or the environment, with a token, in the region that is wanted',
    async () => {
      const token = await system.token('traveller')
      const env = { STARLING_EDGE: await edges(), STARLING_TOKEN: token }
      const pub = await starling(['pub', 'elsewhere/a', 'x', '--json'], { env })
      expect(JSON.parse(pub.stdout)).toMatchObject({ client: 'traveller', reason: 'Success' })
      const seen = await starling(['--region', 'us', '--json', 'presence', 'traveller'], { env })
      expect(JSON.parse(seen.stdout)).toMatchObject({
        client: 'traveller',
        region: 'eu',
        state: 'disconnected',
      })
      const { us } = (await system.local()).regions
      const one = await starling(['pub', 'elsewhere/a', 'x', '--edge', us?.http ?? '', '--token', token])
      expect(one).toMatchObject({ code: 0 })
    },
    CASE_MS,
  )

  it('has its tokens signed where its secret is in the environment', async () => {
    const env = { STARLING_EDGE: await edges(), CLIENT_TOKEN_SECRET: 'not-the-secret-of-this-system-at-all' }
    const { stdout } = await starling(['token', 'lamp', '--admin'], { env })
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    expect(await starling(['presence', 'lamp'], { env })).toMatchObject({ code: 4, stdout: '' })
  })

  it('is not looked for where a folder is named', async () => {
    const env = { STARLING_EDGE: NOWHERE }
    expect(await starling(['--dir', system.dir, 'pub', 'a/b', 'x'], { env })).toMatchObject({ code: 0 })
  })
})

describe('starling pub and sub', () => {
  it(
    'carry any bytes, and all properties, to JSON',
    async () => {
      const sub = begun('sub', 'bytes/#', '--count', '2', '--json')
      await sub.has('subscribed as')
      const binary = new Running(['--dir', system.dir, 'pub', 'bytes/a', '--stdin', '--region', 'us'], {
        input: Buffer.from([0xff, 0x00, 0x0a]),
      })
      expect(await binary.ended()).toMatchObject({ code: 0 })
      const options =
        '--qos 2 --expiry 1h --content-type text/plain --response-topic r --correlation c'.split(' ')
      const properties = ['--user-property', 'a=1', '--user-property', 'a=2=3', '--user-property', 'b=']
      expect(await here('pub', 'bytes/b', 'grüße', ...options, ...properties)).toMatchObject({ code: 0 })
      expect(await sub.ended()).toMatchObject({ code: 0 })
      const [first, second] = sub.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      expect(first).toMatchObject({ topic: 'bytes/a', payloadBase64: '/wAK', qos: 1, retain: false })
      expect(second).toEqual({
        topic: 'bytes/b',
        payload: 'grüße',
        qos: 1,
        retain: false,
        dup: false,
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        properties: {
          expirySeconds: expect.any(Number),
          contentType: 'text/plain',
          responseTopic: 'r',
          correlationBase64: 'Yw==',
          userProperties: { a: ['1', '2=3'], b: '' },
        },
      })
    },
    CASE_MS,
  )

  it(
    'print payloads byte for byte with --raw',
    async () => {
      await here('pub', 'raw/a', '--retain', '--', '-x- \u001b[2J')
      const { stdout } = await here('sub', 'raw/a', '--count', '1', '--raw')
      expect(stdout).toBe('-x- \u001b[2J\n')
    },
    CASE_MS,
  )

  it(
    'carry lines in their order, each acknowledged',
    async () => {
      const sub = begun('sub', 'lines/a', '--count', '500', '--region', 'us')
      await sub.has('subscribed as')
      const input = Buffer.from(Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join(''))
      const pub = new Running(['--dir', system.dir, 'pub', 'lines/a', '--lines', '--json'], { input })
      const { code } = await pub.ended()
      expect({ code, lines: pub.lines.length }).toEqual({ code: 0, lines: 500 })
      await sub.ended()
      expect(sub.lines).toEqual(Array.from({ length: 500 }, (_, i) => `lines/a line ${i}`))
    },
    CASE_MS,
  )

  it(
    'speak MQTT 3.1.1 too',
    async () => {
      expect(await here('pub', 'three/a', 'x', '--retain', '--mqtt', '3')).toMatchObject({ code: 0 })
      const { stdout } = await here('sub', 'three/a', '--count', '1', '--mqtt', '3')
      expect(stdout).toBe('three/a x\n')
    },
    CASE_MS,
  )

  it.each(['1', '2'])(
    'leave in a session what is more than --count, with QoS %s',
    async (qos) => {
      const topic = `kept/${qos}`
      const as = ['--client', `auditor-${qos}`, '--session-expiry', '1h', '--qos', qos]
      expect(await here('sub', topic, ...as, '--timeout', '1s')).toMatchObject({ code: 0, stdout: '' })
      const input = Buffer.from('a\nb\nc\nd\n')
      const pub = new Running(['--dir', system.dir, 'pub', topic, '--lines', '--qos', qos], { input })
      expect(await pub.ended()).toMatchObject({ code: 0, stdout: '4 messages published\n' })
      const first = await here('sub', topic, ...as, '--count', '2')
      expect(first).toMatchObject({ code: 0, stdout: `${topic} a\n${topic} b\n` })
      expect(first.stderr).toMatch(/its session goes on/)
      const then = await here('sub', topic, ...as, '--count', '2')
      expect(then).toMatchObject({ code: 0, stdout: `${topic} c\n${topic} d\n` })
    },
    CASE_MS,
  )

  it(
    'end with 6 if too few came in time, and with 0 if no number was asked for',
    async () => {
      const few = await here('sub', 'nothing/here', '--count', '1', '--timeout', '500ms')
      expect(few).toMatchObject({ code: 6, stdout: '' })
      expect(few.stderr).toMatch(/fewer than 1 came in 0\.5 s/)
      expect(await here('sub', 'nothing/here', '--timeout', '500ms')).toMatchObject({ code: 0, stdout: '' })
    },
    CASE_MS,
  )

  it(
    'say what the server refuses, by its reason code',
    async () => {
      const ran = await here('pub', '$SYS/x', 'x')
      expect(ran).toMatchObject({ code: 4, stdout: '' })
      expect(ran.stderr).toBe('starling: the message to $SYS/x was refused: Not Authorized (0x87)\n')
    },
    CASE_MS,
  )

  it(
    'use few names, and none that another uses at the same time',
    async () => {
      // The names in use are noted in the folder for temporary files; other tests run at the same time.
      const env = { TMPDIR: system.dir }
      const sub = async () => {
        const one = new Running(['--dir', system.dir, 'sub', 'names/a'], { env })
        running.push(one)
        await one.has('subscribed as')
        return one
      }
      const number = ({ stderr }: Running) => Number(/subscribed as cli-sub-\S+-(\d+)\n/.exec(stderr)?.[1])
      const three = await Promise.all([sub(), sub(), sub()])
      expect(three.map(number).sort()).toEqual([1, 2, 3])
      const second = three.find((one) => number(one) === 2)
      second?.process.kill('SIGKILL')
      await second?.ended()
      expect(number(await sub())).toBe(2)
    },
    CASE_MS,
  )

  it(
    'end with 1 when another client takes over, and do not quarrel',
    async () => {
      const sub = begun('sub', 'quarrel/a', '--client', 'twice')
      await sub.has('subscribed as twice')
      const other = await connected('twice', 'eu')
      const { code, stderr } = await sub.ended()
      expect(code).toBe(1)
      expect(stderr).toMatch(/the edge ended the connection: Session Taken Over \(0x8E\)/)
      expect(other.mqtt.connected).toBe(true)
    },
    CASE_MS,
  )

  it(
    'come back when their region was killed',
    async () => {
      const sub = begun('sub', 'again/a', '--region', 'eu', '--count', '2')
      await sub.has('subscribed as')
      await here('pub', 'again/a', 'before')
      await sub.has(1)
      await system.killAndWait('eu').catch((error: unknown) => {
        throw new Error(system.log.slice(-2000), { cause: error })
      })
      await sub.has('connected again', 60_000)
      await until(async () => {
        await here('pub', 'again/a', 'after', '--region', 'us')
        return sub.lines.length > 1
      }, 60_000)
      expect(await sub.ended()).toMatchObject({ code: 0, stdout: 'again/a before\nagain/a after\n' })
      expect(sub.stderr).toMatch(/the connection broke.*; trying again/)
    },
    CASE_MS,
  )
})

describe('a command that goes on', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'says goodbye on %s, and ends with 0',
    async (signal) => {
      const sub = begun('sub', 'signals/#', '--client', `listener-${signal}`)
      await sub.has('subscribed as')
      sub.process.kill(signal)
      expect(await sub.ended()).toMatchObject({ code: 0, stdout: '' })
      const { stdout } = await here('presence', `listener-${signal}`, '--json')
      // Its DISCONNECT came: a link that breaks gives no reason.
      expect(JSON.parse(stdout)).toMatchObject({ state: 'disconnected', reason: 0 })
    },
    CASE_MS,
  )

  it(
    'ends with 0 when its reader has enough',
    async () => {
      const sub = begun('sub', 'pipe/a', '--client', 'piped')
      await sub.has('subscribed as')
      sub.process.stdout?.destroy()
      const publisher = await connected('pipe-source')
      await until(async () => {
        await publisher.publish('pipe/a', 'x', { qos: 0 })
        return sub.process.exitCode !== null
      }, 30_000)
      expect((await sub.ended()).code).toBe(0)
      expect(sub.stderr).not.toMatch(/EPIPE| {4}at /)
    },
    CASE_MS,
  )
})

describe('starling shadow', () => {
  it(
    'watch prints each change once, from any region, and the removal',
    async () => {
      const watch = begun('shadow', 'watch', 'kettle', '--json', '--count', '4')
      await watch.has(1)
      await here('shadow', 'set', 'kettle', 'on:=true', '--region', 'us')
      await here('shadow', 'set', 'kettle', '--reported', 'on:=true')
      await here('shadow', 'delete', 'kettle')
      expect(await watch.ended()).toMatchObject({ code: 0 })
      expect(watch.lines.map((line) => JSON.parse(line) as unknown)).toEqual([
        { kind: 'none' },
        expect.objectContaining({
          kind: 'document',
          version: 1,
          state: { desired: { on: true }, delta: { on: true } },
        }),
        expect.objectContaining({
          kind: 'document',
          version: 2,
          state: { desired: { on: true }, reported: { on: true } },
        }),
        { kind: 'none' },
      ])
    },
    CASE_MS,
  )

  it(
    'watch tells what was changed while its region was down',
    async () => {
      await here('shadow', 'set', 'boiler', 'a:=1', '--region', 'us')
      const watch = begun('shadow', 'watch', 'boiler', '--json', '--count', '2', '--region', 'us')
      await watch.has(1)
      await system.killAndWait('us')
      await until(async () => (await here('shadow', 'set', 'boiler', 'a:=2')).code === 0, 60_000)
      await until(() => watch.lines.length > 1, 60_000)
      expect(JSON.parse(watch.lines[1] ?? '')).toMatchObject({ version: 2, state: { desired: { a: 2 } } })
    },
    CASE_MS,
  )

  it(
    'set takes JSON from stdin, removes with null, and is refused with 7 for another version',
    async () => {
      const input = Buffer.from('{"color":{"r":1,"g":2},"power":"on"}')
      const from = ['--dir', system.dir, 'shadow', 'set', 'toy', '--json-file', '-']
      expect(await starling(from, { input })).toMatchObject({ code: 0 })
      expect(await here('shadow', 'set', 'toy', 'color.g:=null', '--if-match', '1')).toMatchObject({
        code: 0,
      })
      const late = await here('shadow', 'set', 'toy', 'power=off', '--if-match', '1')
      expect(late).toMatchObject({ code: 7, stdout: '' })
      expect(late.stderr).toMatch(/Version conflict \(the version is 2\)/)
      const { stdout } = await here('shadow', 'get', 'toy', '--json')
      expect(JSON.parse(stdout)).toMatchObject({
        state: { desired: { color: { r: 1 }, power: 'on' } },
        version: 2,
      })
      expect(await here('shadow', 'set', 'toy', '--json-file', '/dev/null')).toMatchObject({ code: 2 })
    },
    CASE_MS,
  )

  it(
    'keeps named shadows apart',
    async () => {
      await here('shadow', 'set', 'toy', 'volume:=3', '--name', 'sound')
      const { stdout } = await here('shadow', 'get', 'toy', '--name', 'sound')
      expect(stdout).toMatch(
        /^toy \(sound\) version 1 at .*\nattribute +desired +reported\nvolume +3 +to do\n$/,
      )
      expect(await here('shadow', 'get', 'toy', '--name', 'light')).toMatchObject({ code: 3, stdout: '' })
    },
    CASE_MS,
  )
})

it(
  'colours are for terminals, or for who wants them, and never in JSON',
  async () => {
    const coloured = (args: string[], env: Record<string, string>) =>
      starling(['--dir', system.dir, 'pub', 'colour/a', 'x', ...args], { env }).then(({ stdout }) =>
        stdout.includes('\u001b['),
      )
    expect(await coloured([], {})).toBe(false)
    expect(await coloured([], { FORCE_COLOR: '1' })).toBe(true)
    expect(await coloured(['--no-color'], { FORCE_COLOR: '1' })).toBe(false)
    expect(await coloured([], { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false)
    expect(await coloured(['--json'], { FORCE_COLOR: '1' })).toBe(false)
  },
  CASE_MS,
)
