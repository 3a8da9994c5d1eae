// Calls of devices across two regions: over HTTP and from MQTT to MQTT, with devices of both protocol versions, while they
// move, are away, answer late or wrongly, and while processes are killed.
import { setTimeout as sleep } from 'node:timers/promises'
import type { IClientPublishOptions } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client, type ConnectOptions, type Got } from './client.ts'
import { type Answer, ask as askApi } from './http.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const V4 = { protocolVersion: 4 } as const

let system: System
let token: string
beforeAll(async () => {
  // Longer than a killed process takes to be there again on a busy machine.
  system = await System.start({ failOverAfterMs: 60_000 })
  token = await system.token('service')
}, SYSTEM_START_MS)
afterAll(() => system.stop())

async function ask(
  region: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const method = body === undefined ? 'GET' : 'POST'
  return askApi(system, region, token, `/v1/devices/${path}`, { method, body, headers })
}

const call = (region: string, device: string, body: object, headers = {}) =>
  ask(region, `${device}/commands`, { name: 'blink', ...body }, headers)

/** What a device does with a command, which it may do late. */
type Behaviour = (device: Client, command: Got) => Promise<void>

/** As MQTT 5 says, knowing nothing of Starling. */
const respond =
  (text: (command: Got) => string, userProperties?: Record<string, string>): Behaviour =>
  async (device, { packet, ...command }) => {
    const { responseTopic = '', correlationData } = packet.properties ?? {}
    const properties = {
      ...(correlationData && { correlationData }),
      contentType: 'text/plain',
      // mqtt.js never sends a packet with none.
      ...(userProperties && { userProperties }),
    }
    await device.publish(responseTopic, text({ packet, ...command }), { qos: 1, properties })
  }

/** By the topic, as a 3.1.1 device must. */
const respondByTopic =
  (text: (command: Got) => string, status = ''): Behaviour =>
  async (device, command) => {
    const [, id, , , request] = command.topic.split('/')
    await device.publish(`devices/${id}/answers/${request}${status}`, text(command), { qos: 1 })
  }

async function device(
  region: string,
  id: string,
  behaviour: Behaviour,
  options: ConnectOptions = {},
): Promise<Client> {
  const client = await Client.connect(system, region, id, options)
  const take = (command: Got) => {
    if (command.topic.startsWith(`devices/${id}/commands/`))
      behaviour(client, command).catch((cause) => client.errors.push(cause as Error))
  }
  // What waited for it may have come with CONNACK.
  client.got.forEach(take)
  client.mqtt.on('message', (topic, payload, packet) => {
    take({ topic, text: payload.toString(), packet, at: performance.now() })
  })
  await client.subscribe(`devices/${id}/commands/#`)
  return client
}

const silent: Behaviour = async () => undefined

/** The device has got a command; where its caller is answered first, that says why it has not. */
async function reaches(lamp: Client, answer: Promise<Answer>): Promise<void> {
  const early = answer.then(({ status, body }) => {
    if (lamp.got.length === 0) throw new Error(`answered with ${status}: ${JSON.stringify(body)}`)
  })
  await Promise.race([lamp.has(1, 40_000), early])
}

describe('a device that is called over HTTP from the other region', () => {
  it.each([
    ['5.0', {}, respond(({ text }) => `did ${text}`, { took: '3' })],
    ['3.1.1', V4, respondByTopic(({ text }) => `did ${text}`)],
  ])('answers by MQTT %s', async (version, options, behaviour) => {
    const id = `lamp-${version.replaceAll('.', '-')}`
    const lamp = await device('eu', id, behaviour, options)
    const answer = await call('us', id, { payload: { times: 3 } })
    expect(answer).toMatchObject({
      status: 200,
      body: {
        device: id,
        name: 'blink',
        state: 'answered',
        answer: { status: 200, text: 'did {"times":3}' },
      },
    })
    if (version === '5.0') {
      expect(answer.body.answer).toMatchObject({ contentType: 'text/plain', userProperties: [['took', '3']] })
      expect(lamp.got[0]?.packet.properties?.contentType).toBe('application/json')
    }
    const there = await call('eu', id, { text: 'here' })
    expect(there).toMatchObject({ status: 200, body: { answer: { text: 'did here' } } })
    await lamp.end()
  })

  it('a hundred times at once gives each caller its own answer', async () => {
    const lamp = await device('eu', 'busy', async (client, command) => {
      await sleep(Math.random() * 200)
      await respond(({ text }) => JSON.stringify({ to: JSON.parse(text) }))(client, command)
    })
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => call('us', 'busy', { payload: i, timeoutMs: 30_000 })),
    )
    expect(answers.map(({ body }) => (body.answer as { json: unknown } | undefined)?.json)).toEqual(
      Array.from({ length: 100 }, (_, to) => ({ to })),
    )
    expect(lamp.got).toHaveLength(100)
    await lamp.end()
  })

  it('is waited for as long as was asked; a later answer can be fetched in any region', async () => {
    const lamp = await device('eu', 'slow', silent)
    const begun = performance.now()
    const answer = await call('us', 'slow', { timeoutMs: 1_500 })
    expect(performance.now() - begun).toBeGreaterThan(1_450)
    expect(answer).toMatchObject({ status: 504, body: { title: 'The device did not answer in time' } })
    const path = `slow/commands/${answer.body.commandId}`
    expect(answer.headers.get('location')).toBe(`/v1/devices/${path}`)
    expect((await ask('us', path)).body).toMatchObject({ state: 'expired' })
    await respond(() => 'late')(lamp, lamp.got[0] as Got)
    for (const region of ['eu', 'us'])
      expect(await ask(region, path)).toMatchObject({
        status: 200,
        body: { state: 'answered', answer: { text: 'late' } },
      })
    await lamp.end()
  })

  it('may say no, or what nobody understands', async () => {
    let behaviour = respond(() => 'no such colour', { status: '404' })
    const lamp = await device('eu', 'stubborn', (...given) => behaviour(...given))
    expect(await call('us', 'stubborn', {})).toMatchObject({
      status: 422,
      body: {
        title: 'The device answered with status 404',
        detail: 'no such colour',
        answer: { status: 404 },
      },
    })
    behaviour = respondByTopic(() => 'burnt', '/500')
    expect(await call('us', 'stubborn', {})).toMatchObject({
      status: 502,
      body: { answer: { text: 'burnt' } },
    })
    behaviour = respondByTopic(() => 'x', '/fine')
    expect(await call('us', 'stubborn', {})).toMatchObject({
      status: 502,
      body: { title: 'The device answered what cannot be understood', answer: { status: null } },
    })
    behaviour = async (client) => {
      for (const topic of ['answers/zzz', 'answers', 'commands/blink/zzz', 'answers/zzz/200'])
        await client.publish(`devices/stubborn/${topic}`, 'garbage')
    }
    expect(await call('us', 'stubborn', { timeoutMs: 1_000 })).toMatchObject({ status: 504 })
    await lamp.end()
  })

  it('is called once for one idempotency key, also when its region is killed meanwhile', async () => {
    const lamp = await device('eu', 'meter', silent, { ...KEPT, reconnectPeriod: 200 })
    const key = { 'idempotency-key': 'read-2026' }
    const first = call('us', 'meter', { timeoutMs: 50_000 }, key)
    await reaches(lamp, first)
    // The acknowledgement is on its way, or there.
    await sleep(500)
    await system.killAndWait('eu')
    await until(() => lamp.connects > 1, 30_000)
    const second = call('eu', 'meter', { timeoutMs: 50_000 }, key)
    await sleep(1_000)
    await respond(() => '42')(lamp, lamp.got[0] as Got)
    const answers = [await first, await second, await call('us', 'meter', { timeoutMs: 50_000 }, key)]
    expect(answers.map(({ status, body }) => [status, body.id, body.answer])).toEqual(
      answers.map(() => [200, answers[0]?.body.id, expect.objectContaining({ json: 42 })]),
    )
    expect(new Set(lamp.got.map(({ topic }) => topic)).size).toBe(1)
    await system.killAndWait('eu')
    expect((await call('us', 'meter', { timeoutMs: 50_000 }, key)).body.id).toBe(answers[0]?.body.id)
    expect(await call('us', 'meter', { payload: 'other' }, key)).toMatchObject({
      status: 422,
      body: { field: 'Idempotency-Key' },
    })
    expect(new Set(lamp.got.map(({ topic }) => topic)).size).toBe(1)
    await lamp.end()
  }, 120_000)

  it('without a key is answered as not known, and never called again, when its region is killed meanwhile', async () => {
    const lamp = await device('eu', 'forgotten', silent, { ...KEPT, reconnectPeriod: 200 })
    const answer = call('us', 'forgotten', { timeoutMs: 50_000 })
    await reaches(lamp, answer)
    await system.killAndWait('eu')
    expect(await answer).toMatchObject({
      status: 504,
      body: { title: 'It is not known whether the device was called' },
    })
    await until(() => lamp.connects > 1, 30_000)
    expect(new Set(lamp.got.map(({ topic }) => topic)).size).toBe(1)
    await lamp.end()
  }, 90_000)

  it('answers although the core is killed in the middle', async () => {
    const lamp = await device('eu', 'cored', silent)
    const answer = call('us', 'cored', { timeoutMs: 40_000 })
    await reaches(lamp, answer)
    await system.killAndWait('core')
    await respond(() => 'still')(lamp, lamp.got[0] as Got)
    expect(await answer).toMatchObject({ status: 200, body: { answer: { text: 'still' } } })
    expect(lamp.got).toHaveLength(1)
    await lamp.end()
  }, 60_000)

  it.each([
    ['without a key', {}],
    ['with a key', { 'idempotency-key': 'roams' }],
  ])(
    'answers from where it has roamed to, called %s',
    async (name, key) => {
      const id = `roamer-${name.length}`
      const before = await device('eu', id, silent, KEPT)
      const answer = call('eu', id, { timeoutMs: 40_000 }, key)
      await reaches(before, answer)
      await sleep(500)
      const after = await Client.connect(system, 'us', id, KEPT)
      await respond(() => 'from us')(after, before.got[0] as Got)
      expect(await answer).toMatchObject({ status: 200, body: { answer: { text: 'from us' } } })
      expect([...before.got, ...after.got].filter(({ packet }) => !packet.dup)).toHaveLength(1)
      await after.end()
    },
    60_000,
  )

  it('that is away is not called, or later where the caller says so', async () => {
    const lamp = await device('eu', 'sleeper', silent, KEPT)
    await lamp.end()
    await until(async () => (await call('us', 'sleeper', { timeoutMs: 200 })).status === 409)
    expect(await call('us', 'sleeper', {})).toMatchObject({
      status: 409,
      body: { title: 'The device is not connected', presence: { state: 'disconnected', region: 'eu' } },
    })
    const waits = { whenOffline: 'wait', timeoutMs: 600_000 }
    const accepted = await call('us', 'sleeper', waits, { prefer: 'respond-async' })
    expect(accepted).toMatchObject({ status: 202, body: { state: 'open' } })
    const path = accepted.headers.get('location')?.slice('/v1/devices/'.length) ?? ''
    await system.killAndWait('eu')
    const back = await device(
      'eu',
      'sleeper',
      respond(() => 'awake'),
      KEPT,
    )
    await back.has(1)
    await until(async () => (await ask('us', path)).body.state === 'answered')
    expect((await ask('us', path)).body).toMatchObject({ answer: { text: 'awake' } })
    const brief = await call('us', 'sleeper', { ...waits, payload: 2 }, { prefer: 'wait=1' })
    expect(brief.status).toBe(200)
    await back.end()
  }, 90_000)

  it('that cannot be called is said clearly', async () => {
    const plain = await Client.connect(system, 'eu', 'plain')
    expect(await call('us', 'plain', {})).toMatchObject({
      status: 409,
      body: { title: 'The device has not subscribed to its commands', presence: { state: 'connected' } },
    })
    expect(await call('us', 'nobody-ever', {})).toMatchObject({ status: 404, body: { field: 'device' } })
    expect(await ask('us', 'plain/commands/unknown')).toMatchObject({
      status: 404,
      body: { field: 'command' },
    })
    const elsewhere = await system.token('service', { fleet: 'other' })
    const foreign = { authorization: `Bearer ${elsewhere}` }
    expect((await call('eu', 'plain', {}, foreign)).status).toBe(404)
    await plain.end()
  })

  it.each([
    ['without a token', {}, { authorization: '' }, 401, 'Authorization'],
    ['with a name that is none', { name: 'a/b' }, {}, 400, 'name'],
    ['with two payloads', { payload: 1, text: 'x' }, {}, 400, 'payload'],
    ['with too short a time', { timeoutMs: 1 }, {}, 400, 'timeoutMs'],
    ['with too long a time', { timeoutMs: 1e12 }, {}, 400, 'timeoutMs'],
    ['with a policy that is none', { whenOffline: 'hope' }, {}, 400, 'whenOffline'],
    ['with a key that is none', {}, { 'idempotency-key': 'a b' }, 400, 'Idempotency-Key'],
    ['with too large a payload', { text: 'x'.repeat(140_000) }, {}, 413, 'payload'],
  ])('is not called %s', async (_, body, headers, status, field) => {
    expect(await call('eu', 'strict', body, headers)).toMatchObject({ status, body: { status, field } })
  })
})

describe('a call from MQTT to MQTT, from one region to the other,', () => {
  const command = async (app: Client, id: string, request: string, more: IClientPublishOptions = {}) => {
    await app.publish(`devices/${id}/commands/blink/${request}`, `from ${request}`, { qos: 1, ...more })
  }

  it('works with a response topic and correlation data of the app', async () => {
    const lamp = await device(
      'eu',
      'm5',
      respond(({ text }) => `did ${text}`),
    )
    const app = await Client.connect(system, 'us', 'app5')
    await app.subscribe('devices/app5/responses/#')
    await command(app, 'm5', 'r1', {
      properties: { responseTopic: 'devices/app5/responses/x', correlationData: Buffer.from('c-9') },
    })
    await app.has(1)
    expect(app.got[0]).toMatchObject({ topic: 'devices/app5/responses/x', text: 'did from r1' })
    expect(app.got[0]?.packet.properties?.correlationData?.toString()).toBe('c-9')
    await Promise.all([lamp.end(), app.end()])
  })

  it.each([
    ['3.1.1', 'a 3.1.1 device', V4, V4, respondByTopic(({ text }) => `did ${text}`)],
    ['3.1.1', 'a 5.0 device', V4, {}, respond(({ text }) => `did ${text}`)],
    ['5.0', 'a 3.1.1 device', {}, V4, respondByTopic(({ text }) => `did ${text}`)],
  ])('works by topics for a %s app and %s', async (version, what, appOptions, options, behaviour) => {
    const id = `t-${version.length}-${what.length}`
    const lamp = await device('eu', id, behaviour, options)
    const app = await Client.connect(system, 'us', `app-${id}`, appOptions)
    await app.subscribe(`devices/${id}/answers/#`)
    await Promise.all(['a1', 'a2', 'a3'].map((request) => command(app, id, request)))
    await app.has(3)
    expect(app.got.map(({ topic, text }) => [topic, text]).sort()).toEqual(
      ['a1', 'a2', 'a3'].map((request) => [`devices/${id}/answers/${request}`, `did from ${request}`]),
    )
    await Promise.all([lamp.end(), app.end()])
  })

  it('is answered by nobody but the device', async () => {
    const other = await Client.connect(system, 'eu', 'forger')
    const refused = await other.publish('devices/m5/answers/r1', 'forged').catch((cause: Error) => cause)
    expect(refused).toMatchObject({ code: 0x87 })
    await other.end()
  })
})
