// Publishing by HTTP: to both regions, in order, once for an idempotency key, and refused with what is wrong. Retained messages.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { type Ask, ask } from './http.ts'
import { SYSTEM_START_MS, System } from './system.ts'

let system: System
let token: string
beforeAll(async () => {
  system = await System.start()
  token = await system.token('service')
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const asked = (region: string, path: string, more: Ask = {}) => ask(system, region, token, path, more)
const publish = (region: string, body: unknown, headers: Record<string, string> = {}) =>
  asked(region, '/v1/publish', { method: 'POST', body, headers })
const batch = (region: string, messages: unknown[], headers: Record<string, string> = {}) =>
  asked(region, '/v1/publish/batch', { method: 'POST', body: { messages }, headers })

const subscribed = async (region: string, id: string, filter: string) => {
  const client = await Client.connect(system, region, id)
  await client.subscribe(filter)
  return client
}

describe('a publish by HTTP', () => {
  it('reaches the subscribers of both regions with all that it says, and is answered as PUBACK would', async () => {
    const [here, there] = await Promise.all([
      subscribed('eu', 'pub-eu', 'http/one/#'),
      subscribed('us', 'pub-us', 'http/one/#'),
    ])
    expect(
      await publish('us', {
        topic: 'http/one/a',
        json: { on: true },
        expirySeconds: 60,
        responseTopic: 'http/answers',
        correlationData: 'AQID',
        userProperties: [
          ['a', '1'],
          ['a', '2'],
        ],
      }),
    ).toMatchObject({ status: 200, body: { reasonCode: 0, reason: 'Success' } })
    await Promise.all([here.has(1), there.has(1)])
    for (const client of [here, there]) {
      const { text, packet } = client.got[0]!
      expect(JSON.parse(text)).toEqual({ on: true })
      expect(packet).toMatchObject({
        qos: 1,
        properties: {
          payloadFormatIndicator: true,
          contentType: 'application/json',
          responseTopic: 'http/answers',
          correlationData: Buffer.from([1, 2, 3]),
          userProperties: { a: ['1', '2'] },
        },
      })
      expect(packet.properties?.messageExpiryInterval).toBeGreaterThan(50)
    }
    await publish('eu', { topic: 'http/one/b', base64: 'AP8=', qos: 2 })
    await there.has(2)
    expect(there.got[1]?.packet).toMatchObject({ payload: Buffer.from([0, 255]) })
    await Promise.all([here.end(), there.end()])
    expect((await publish('eu', { topic: 'http/nobody/x' })).body).toEqual({
      reasonCode: 0x10,
      reason: 'No matching subscribers',
    })
  })

  it('of many keeps their order, and answers each at its place', async () => {
    const client = await subscribed('us', 'pub-order', 'http/order/#')
    const messages = Array.from({ length: 100 }, (_, i) => ({ topic: 'http/order/a', text: `m${i}` }))
    const refused = { topic: 'presence/lamp', text: 'x' }
    const answer = await batch('eu', [...messages.slice(0, 50), refused, ...messages.slice(50)])
    expect(answer.status).toBe(200)
    expect(answer.body.results).toHaveLength(101)
    expect(answer.body.results[50]).toEqual({ reasonCode: 0x87, reason: 'Not authorized' })
    expect(answer.body.results.filter((one: { reasonCode: number }) => one.reasonCode === 0)).toHaveLength(
      100,
    )
    await client.has(100)
    expect(client.texts).toEqual(messages.map(({ text }) => text))
    await client.end()
  })

  it('with an idempotency key is done once, at once or later, and after the process died', async () => {
    const client = await subscribed('eu', 'pub-once', 'http/once/#')
    const headers = { 'idempotency-key': 'key-1' }
    const body = { topic: 'http/once/a', text: 'once' }
    const answers = await Promise.all([1, 2, 3].map(() => publish('eu', body, headers)))
    expect(answers.map(({ body: { reasonCode } }) => reasonCode)).toEqual([0, 0, 0])
    await client.end()
    await system.killAndWait('eu')
    const again = await Client.connect(system, 'eu', 'pub-once', { clean: true })
    await again.subscribe('http/once/#')
    expect(await publish('eu', body, headers)).toMatchObject({ status: 200, body: { reasonCode: 0 } })
    expect(await publish('eu', { ...body, text: 'other' }, headers)).toMatchObject({
      status: 422,
      body: { field: 'Idempotency-Key' },
    })
    await publish('eu', { topic: 'http/once/end', text: 'end' })
    await again.has(1)
    expect(again.texts).toEqual(['end'])
    expect(client.texts).toEqual(['once'])
    await again.end()
  }, 60_000)

  it.each([
    ['without a topic', { text: 'x' }, 400, 'topic'],
    ['with a wildcard in its topic', { topic: 'a/+/b' }, 400, 'topic'],
    ['with a topic of more bytes than MQTT has', { topic: 'a/'.repeat(32_768) }, 400, 'topic'],
    ['to a topic of the server', { topic: '$SYS/x', text: 'x' }, 403, 'topic'],
    ['to presence', { topic: 'presence/lamp', text: 'x' }, 403, 'topic'],
    ['to what a shadow says', { topic: 'devices/lamp/shadow/update/delta', text: 'x' }, 403, 'topic'],
    ['to a root that is too long', { topic: `a/${'x'.repeat(2_000)}`, text: 'x' }, 400, 'topic'],
    ['with two payloads', { topic: 'a/b', text: 'x', json: 1 }, 400, 'json'],
    ['with what is no base64', { topic: 'a/b', base64: '!' }, 400, 'base64'],
    ['with QoS 3', { topic: 'a/b', qos: 3 }, 400, 'qos'],
    ['with a field too many', { topic: 'a/b', payload: 'x' }, 400, undefined],
    ['with a property that no MQTT text may be', { topic: 'a/b', contentType: 'a\0b' }, 400, 'contentType'],
    ['with half of a surrogate pair', '{"topic":"a/b\\ud800"}', 400, 'topic'],
    ['with a list', [], 400, undefined],
    ['with garbage', '{"topic', 400, undefined],
    ['with more than a packet holds', { topic: 'a/b', text: 'x'.repeat(1_048_577) }, 413, undefined],
    ['with more than is read', { topic: 'a/b', text: 'x'.repeat(3_000_000) }, 413, undefined],
  ] as const)('is refused %s, with what is wrong', async (_, body, status, field) => {
    const refused = await publish('us', body)
    expect(refused).toMatchObject({ status, body: { status, ...(field !== undefined && { field }) } })
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
  })

  it('gets the refusal that it is too large although most of it is still to be sent', async () => {
    const body = { topic: 'a/b', text: 'x'.repeat(12_000_000) }
    for (let i = 0; i < 10; i++) expect((await publish('us', body)).status).toBe(413)
  })

  it('is refused with a wrong type, token, key or size of its list', async () => {
    const body = { topic: 'a/b' }
    expect((await publish('us', body, { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await publish('us', body, { authorization: 'Bearer x' })).status).toBe(401)
    expect((await publish('us', body, { 'idempotency-key': 'a b' })).body).toMatchObject({
      field: 'Idempotency-Key',
    })
    expect(await batch('us', [])).toMatchObject({ status: 400, body: { field: 'messages' } })
    expect(await batch('us', [body, { topic: '#' }])).toMatchObject({
      status: 400,
      body: { field: 'messages.1.topic' },
    })
    expect(
      (
        await batch(
          'us',
          Array.from({ length: 257 }, () => body),
        )
      ).status,
    ).toBe(400)
  })

  it('stays in its fleet', async () => {
    const client = await subscribed('eu', 'pub-fleet', 'http/fleet/#')
    const other = await system.token('service', { fleet: 'other' })
    const message = { method: 'POST', body: { topic: 'http/fleet/a', text: 'theirs', retain: true } }
    expect((await ask(system, 'eu', other, '/v1/publish', message)).status).toBe(200)
    await publish('eu', { topic: 'http/fleet/a', text: 'ours' })
    await client.has(1)
    expect(client.texts).toEqual(['ours'])
    const path = '/v1/retained/http%2Ffleet%2Fa'
    expect((await asked('eu', path)).status).toBe(404)
    expect((await ask(system, 'us', other, path)).body).toMatchObject({ text: 'theirs' })
    await client.end()
  })
})

describe('a retained message', () => {
  it('is read in both regions, and removed from either', async () => {
    const path = '/v1/retained/kept%2Fone%2Fa'
    await publish('eu', { topic: 'kept/one/a', text: 'kept', retain: true, userProperties: [['a', 'b']] })
    for (const region of ['eu', 'us']) {
      expect(await asked(region, path)).toMatchObject({
        status: 200,
        body: { topic: 'kept/one/a', text: 'kept', qos: 1, retain: true, userProperties: [['a', 'b']] },
      })
    }
    expect((await asked('us', path, { method: 'DELETE' })).status).toBe(204)
    for (const region of ['eu', 'us'])
      expect(await asked(region, path)).toMatchObject({ status: 404, body: { field: 'topic' } })
    expect((await asked('us', path, { method: 'DELETE' })).status).toBe(204)
    expect((await asked('us', '/v1/retained/presence%2Fx', { method: 'DELETE' })).status).toBe(403)
    expect((await asked('us', '/v1/retained/a%2F%2B')).status).toBe(400)
  })

  it('is listed with those that match a filter, page by page, from all regions', async () => {
    const topics = Array.from({ length: 23 }, (_, i) => `listed/${i % 7}/t${String(i).padStart(2, '0')}`)
    await Promise.all(
      topics.map((topic, i) => publish(i % 2 === 0 ? 'eu' : 'us', { topic, text: topic, retain: true })),
    )
    for (const [region, limit, filter] of [
      ['eu', 5, 'listed/+/#'],
      ['us', 1, 'listed/#'],
      ['us', 100, 'listed/+/+'],
      ['eu', 2, 'listed/3/#'],
    ] as const) {
      const found: string[] = []
      let cursor = ''
      do {
        const query = `filter=${encodeURIComponent(filter)}&limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`
        const page = await asked(region, `/v1/retained?${query}`)
        expect(page.status).toBe(200)
        expect(page.body.items.length).toBeLessThanOrEqual(limit)
        found.push(...page.body.items.map(({ topic }: { topic: string }) => topic))
        cursor = page.body.next ?? ''
      } while (cursor !== '')
      const wanted =
        filter === 'listed/3/#' ? topics.filter((topic) => topic.startsWith('listed/3/')) : topics
      expect(found.sort()).toEqual([...wanted].sort())
    }
    for (const [query, field] of [
      ['filter=%23x', 'filter'],
      ['limit=0', 'limit'],
      ['cursor=abc', 'cursor'],
      ['filter=%24share%2Fg%2Fa', 'filter'],
    ])
      expect(await asked('eu', `/v1/retained?${query}`)).toMatchObject({ status: 400, body: { field } })
  })
})
