// How many statements a connection costs, on real workerd.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Raw } from '../e2e/raw.ts'
import { type CountedEdge, startCountedEdge } from './counted-edge.ts'

/** workerd lets an actor hibernate after 10 s without an event. */
const HIBERNATES_MS = 12_000

const FIRST_STATEMENTS_MAX = 14
const TRIES_MAX = 4

let edge: CountedEdge

/** The statements of what `act` brings about, until all is silent again. */
async function during(act: () => Promise<unknown>): Promise<string[]> {
  await edge.quiet()
  await edge.statements()
  await act()
  await edge.quiet()
  return edge.statements()
}

function upToConnack(statements: readonly string[]): readonly string[] {
  expect(statements).toContain('CONNACK')
  return statements.slice(0, statements.indexOf('CONNACK'))
}

async function firstConnection(client: string): Promise<void> {
  const raw = await Raw.connect(edge.system, 'eu', client, { clean: false, expiry: 3600 })
  raw.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: `devices/${client}/cmd`, qos: 1 }],
  })
  await raw.gets('suback')
}

function withoutConnack(statements: readonly string[]): readonly string[] {
  return statements.filter((statement) => statement !== 'CONNACK')
}

describe('with presence', () => {
  beforeAll(async () => {
    edge = await startCountedEdge()
  }, 60_000)
  afterAll(() => edge?.stop())

  it('a first connection with a session and a subscription costs at most 14 statements, its sync included', {
    timeout: 120_000,
  }, async () => {
    // What a shard's WideActor learns once for ever is no connection's cost.
    const before = await Promise.all(
      Array.from({ length: 16 }, (_, i) => Raw.connect(edge.system, 'eu', `before-${i}`)),
    )
    // Where CONNECT and SUBSCRIBE are more than a gathering apart, as on a busy machine, two syncs go out: then another one counts.
    let fewest = Number.POSITIVE_INFINITY
    for (let i = 0; i < TRIES_MAX && fewest > FIRST_STATEMENTS_MAX; i++) {
      const statements = await during(() => firstConnection(`first-${i}`))
      fewest = Math.min(fewest, withoutConnack(statements).length)
    }
    for (const one of before) one.drop()
    expect(fewest).toBeLessThanOrEqual(FIRST_STATEMENTS_MAX)
  })

  it('a client that comes back to its session costs at most 6 statements up to CONNACK', {
    timeout: 120_000,
  }, async () => {
    const first = await Raw.connect(edge.system, 'eu', 'again', { clean: false, expiry: 3600 })
    first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/again/cmd', qos: 1 }] })
    await first.gets('suback')
    first.drop()
    await edge.quiet()
    await sleep(HIBERNATES_MS)
    const statements = await during(() =>
      Raw.connect(edge.system, 'eu', 'again', { clean: false, expiry: 3600 }),
    )
    expect(upToConnack(statements).length).toBeLessThanOrEqual(6)
  })
})

describe('without presence', () => {
  beforeAll(async () => {
    edge = await startCountedEdge({ PRESENCE: 'off' })
  }, 60_000)
  afterAll(() => edge?.stop())

  it('a session that ends with its connection costs no statement', { timeout: 120_000 }, async () => {
    const statements = await during(async () => {
      const raw = await Raw.connect(edge.system, 'eu', 'clean')
      raw.send({ cmd: 'disconnect' })
      await raw.closed()
    })
    expect(statements).toEqual(['CONNACK'])
  })
})
