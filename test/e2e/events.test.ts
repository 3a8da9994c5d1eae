// Server-sent events: what is published in any region, in order; where they end; that no publisher waits for a slow reader.
import { setTimeout as sleep } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ask } from './http.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System
let token: string
const open: AbortController[] = []
beforeAll(async () => {
  system = await System.start()
  token = await system.token('reader')
}, SYSTEM_START_MS)
afterEach(() => {
  for (const controller of open.splice(0)) controller.abort()
})
afterAll(() => system.stop())

class Stream {
  readonly events: EventSourceMessage[] = []
  readonly comments: string[] = []
  readonly status: number
  readonly type: string | null
  ended = false
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>

  private constructor(response: Response) {
    this.status = response.status
    this.type = response.headers.get('content-type')
    this.reader = (response.body as ReadableStream<Uint8Array>).getReader()
  }

  static async open(
    region: string,
    query: string,
    { headers = {}, read = true }: { headers?: Record<string, string>; read?: boolean } = {},
  ): Promise<Stream> {
    const controller = new AbortController()
    open.push(controller)
    const { http } = (await system.local()).regions[region]!
    const stream = new Stream(
      await fetch(`${http}/v1/events?${query}`, {
        headers: { authorization: `Bearer ${token}`, ...headers },
        signal: controller.signal,
      }),
    )
    if (read) void stream.read().catch(() => undefined)
    return stream
  }

  async read(): Promise<void> {
    const parser = createParser({
      onEvent: (event) => this.events.push(event),
      onComment: (comment) => this.comments.push(comment),
    })
    const decoder = new TextDecoder()
    try {
      for (;;) {
        const { done, value } = await this.reader.read()
        if (done) return
        parser.feed(decoder.decode(value, { stream: true }))
      }
    } finally {
      this.ended = true
    }
  }

  get messages() {
    return this.events.filter(({ event }) => event === undefined).map(({ data }) => JSON.parse(data))
  }

  get texts(): string[] {
    return this.messages.map(({ text }) => text)
  }

  of(type: string) {
    return this.events.filter(({ event }) => event === type).map(({ data }) => JSON.parse(data))
  }
}

const publish = async (region: string, topic: string, text: string, more: object = {}) => {
  const answer = await ask(system, region, token, '/v1/publish', {
    method: 'POST',
    body: { topic, text, ...more },
  })
  expect(answer.status).toBe(200)
  return answer.body.reasonCode as number
}
const query = (...filters: string[]) =>
  filters.map((filter) => `filter=${encodeURIComponent(filter)}`).join('&')

describe('a stream of events', () => {
  it('brings what is retained and all that is published in both regions from its first byte on, in order', async () => {
    await publish('us', 'sse/one/kept', 'kept', { retain: true })
    const streams = await Promise.all([
      Stream.open('eu', query('sse/one/#')),
      Stream.open('us', query('sse/+/#', 'other/one')),
      Stream.open('eu', `${query('sse/one/+')}&retained=false`),
    ])
    expect(streams[0]?.status).toBe(200)
    expect(streams[0]?.type).toBe('text/event-stream')
    const sent = Array.from({ length: 30 }, (_, i) => `m${i}`)
    for (const [i, text] of sent.entries()) await publish(i % 2 ? 'eu' : 'us', 'sse/one/a', text)
    await publish('eu', 'other/one', 'other')
    await until(() => streams[1]!.texts.includes('other') && streams[0]!.texts.length === 31)
    await until(() => streams[2]!.texts.length === 30)
    expect(streams[0]?.texts).toEqual(['kept', ...sent])
    expect(streams[0]?.messages[0]).toEqual({ topic: 'sse/one/kept', text: 'kept', retain: true })
    expect(streams[1]?.texts.filter((text) => /^m/.test(text))).toEqual(sent)
    expect(streams[2]?.texts).toEqual(sent)
    const ids = streams[0]!.events.map(({ id }) => id)
    expect(new Set(ids).size).toBe(31)
  })

  it('says what a message has with it, and bytes as base64', async () => {
    const stream = await Stream.open('us', query('sse/rich/#'))
    const rich = { responseTopic: 'a/b', correlationData: 'AQI=', userProperties: [['k', 'v\n']] }
    await publish('eu', 'sse/rich/a', 'line\nline', { ...rich, contentType: 'text/plain' })
    await ask(system, 'eu', token, '/v1/publish', {
      method: 'POST',
      body: { topic: 'sse/rich/b', base64: '/wA=' },
    })
    await until(() => stream.messages.length === 2)
    expect(stream.messages).toEqual([
      { topic: 'sse/rich/a', text: 'line\nline', retain: false, contentType: 'text/plain', ...rich },
      { topic: 'sse/rich/b', base64: '/wA=', retain: false },
    ])
  })

  it('takes its token in the query, where nothing else does, and ends with it', async () => {
    const short = await system.token('reader', { seconds: 3 })
    const stream = await Stream.open('eu', `${query('sse/short/#')}&token=${short}`, {
      headers: { authorization: '' },
    })
    expect(stream.status).toBe(200)
    await until(() => stream.ended)
    expect(stream.of('end')).toEqual([{ reason: 'token-expired' }])
    const { http } = (await system.local()).regions.eu!
    expect((await fetch(`${http}/v1/retained?token=${token}`)).status).toBe(401)
    const late = await Stream.open('eu', `${query('sse/short/#')}&token=${short}`, {
      headers: { authorization: '' },
    })
    expect(late.status).toBe(401)
  })

  it('says that there is a gap where it is opened again', async () => {
    const stream = await Stream.open('eu', query('sse/gap/#'), { headers: { 'last-event-id': 'x-7' } })
    await publish('eu', 'sse/gap/a', 'after')
    await until(() => stream.texts.length === 1)
    expect(stream.events[0]?.event).toBe('gap')
    expect(stream.of('gap')).toEqual([{ after: 'x-7' }])
  })

  it('leaves nothing behind when its reader goes, no subscription and no presence', async () => {
    const first = await Stream.open('eu', query('sse/gone/#'))
    expect(await publish('eu', 'sse/gone/a', 'x')).toBe(0)
    await until(() => first.texts.length === 1)
    for (const controller of open.splice(0)) controller.abort()
    await until(async () => (await publish('eu', 'sse/gone/a', 'x')) === 0x10)
    const presence = await ask(system, 'eu', token, `/v1/retained?${query('presence/+')}`)
    expect(presence.body.items).toEqual([])
  })

  it('lets no publisher wait for a reader who reads nothing, who learns how much was dropped', async () => {
    const slow = await Stream.open('eu', query('sse/slow/#'), { read: false })
    const text = 'x'.repeat(60_000)
    const total = 400
    for (let sent = 0; sent < total; sent += 20) {
      const messages = Array.from({ length: 20 }, (_, i) => ({
        topic: 'sse/slow/a',
        text: `${sent + i} ${text}`,
      }))
      const answer = await ask(system, 'eu', token, '/v1/publish/batch', {
        method: 'POST',
        body: { messages },
      })
      expect(answer.body.results.every(({ reasonCode }: { reasonCode: number }) => reasonCode === 0)).toBe(
        true,
      )
    }
    await sleep(500)
    void slow.read().catch(() => undefined)
    await until(() => slow.of('dropped').length > 0, 20_000)
    await publish('eu', 'sse/slow/a', 'now')
    await until(() => slow.texts.includes('now'))
    const numbers = slow.texts.slice(0, -1).map((one) => Number(one.split(' ')[0]))
    const dropped = slow.of('dropped').reduce((sum, { count }) => sum + count, 0)
    expect(numbers.length + dropped).toBe(total)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  }, 60_000)

  it('ends when its process dies', async () => {
    const stream = await Stream.open('us', query('sse/dies/#'))
    await system.killAndWait('us')
    await until(() => stream.ended)
  }, 60_000)

  it.each([
    ['', 'filter'],
    [query('a/#/b'), 'filter.0'],
    [query('a', '$share/g/a'), 'filter.1'],
    [`${query('a')}&retained=maybe`, 'retained'],
    [query(...Array.from({ length: 21 }, (_, i) => `a/${i}`)), 'filter'],
  ])('is refused for %j', async (wrong, field) => {
    expect(await ask(system, 'eu', token, `/v1/events?${wrong}`)).toMatchObject({
      status: 400,
      body: { field },
    })
  })
})
