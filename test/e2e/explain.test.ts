// `explain` in a real system: each cause is brought about, and must be named.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Explanation, explanationSchema } from '../../src/api/explain.ts'
import type { Cause, Verdict } from '../../src/explain/explanation.ts'
import { Client } from './client.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
/** The machine may be busy; how fast it is, is measured elsewhere. */
const ANSWER_MS_MAX = 5_000
const TEST_MS = 60_000

describe('explain', () => {
  let system: System
  let app: Client
  let names = 0

  beforeAll(async () => {
    system = await System.start({ failOverAfterMs: 1_000 })
    app = await Client.connect(system, 'eu', 'app', KEPT)
  }, SYSTEM_START_MS)
  afterAll(async () => {
    await app?.end()
    await system?.stop()
  })

  /** A client id and a topic of its root that no other case has. */
  function fresh(): { readonly id: string; readonly topic: string } {
    const id = `d${++names}`
    return { id, topic: `devices/${id}/cmd` }
  }

  async function ask(
    device: string,
    topic: string,
    more: { publisher?: string; trace?: string; region?: string; token?: string } = {},
  ): Promise<Response> {
    const { region = 'eu', token, ...rest } = more
    const { regions, adminToken } = await system.local()
    const query = new URLSearchParams({ device, topic, ...rest })
    return fetch(`${regions[region]?.http}/v1/explain?${query}`, {
      headers: { authorization: `Bearer ${token ?? adminToken}` },
    })
  }

  async function explain(...parameters: Parameters<typeof ask>): Promise<Explanation> {
    const response = await ask(...parameters)
    const body: unknown = await response.json()
    expect(response.status, JSON.stringify(body)).toBe(200)
    return explanationSchema.parse(body)
  }

  /** What is brought about may take a moment to be so. */
  async function expectCause(
    verdict: Verdict,
    cause: Cause,
    ...parameters: Parameters<typeof ask>
  ): Promise<Explanation> {
    let last = await explain(...parameters)
    await until(async () => {
      if (last.cause === cause) return true
      last = await explain(...parameters)
      return false
    }, 20_000).catch(() => expect(last).toMatchObject({ verdict, cause }))
    expect(last).toMatchObject({ verdict, cause })
    expect(last.tookMs).toBeLessThan(ANSWER_MS_MAX)
    return last
  }

  describe('delivered', () => {
    it('a client that acknowledged it, from whichever region it is asked', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id, KEPT)
      await lamp.subscribe(topic)
      await app.publish(topic, 'on')
      await lamp.has(1)
      const said = await expectCause('delivered', 'acknowledged', id, topic, { publisher: 'app' })
      expect(said.message).toMatchObject({ publisher: 'app', qos: 1 })
      expect(said.sentence).toContain(`${id} acknowledged it`)
      await expectCause('delivered', 'acknowledged', id, topic, { region: 'us' })
      expect(new Set(said.steps.map(({ region }) => region))).toEqual(new Set([null, 'eu', 'us']))
      await lamp.end()
    })

    it('QoS 0, of which nobody has a proof', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'eu', id)
      await lamp.subscribe(topic)
      await app.publish(topic, 'on', { qos: 0 })
      await lamp.has(1)
      await expectCause('delivered', 'sent-qos-0', id, topic)
      await lamp.end()
    })

    it('to a newer connection, where somebody waits on the older one', async () => {
      const { id, topic } = fresh()
      const older = await Client.connect(system, 'eu', id, KEPT)
      await older.subscribe(topic)
      const newer = await Client.connect(system, 'eu', id, KEPT)
      await older.closed()
      await app.publish(topic, 'on')
      await newer.has(1)
      await expectCause('delivered', 'taken-over', id, topic)
      await newer.end()
    })

    it('one message among others, by its trace', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id, KEPT)
      await lamp.subscribe(topic)
      const traced = (trace: string) => ({
        qos: 1 as const,
        properties: { userProperties: { trace } },
      })
      await app.publish(topic, 'one', traced('t-1'))
      await lamp.has(1)
      await lamp.end()
      for (let i = 0; i < 5; i++) await app.publish(topic, `more ${i}`)
      await app.publish(topic, 'two', traced('t-2'))
      await expectCause('delivered', 'acknowledged', id, topic, { trace: 't-1' })
      await expectCause('waiting', 'offline-queued', id, topic, { trace: 't-2' })
      await expectCause('never-sent', 'nothing-published', id, topic, { trace: 't-3' })
    })
  })

  describe('waiting', () => {
    it('for a client that is away and whose session is kept', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id, KEPT)
      await lamp.subscribe(topic)
      await lamp.end()
      await app.publish(topic, 'on')
      await expectCause('waiting', 'offline-queued', id, topic)
    })

    it('for a client that does not acknowledge', async () => {
      const { id, topic } = fresh()
      const lamp = await Raw.connect(system, 'eu', id, { expiry: 3600 })
      await lamp.subscribe(topic)
      await app.publish(topic, 'on')
      await expectCause('waiting', 'not-acknowledged', id, topic)
      lamp.drop()
    })

    it('after messages that fill the Receive Maximum of a client that does not acknowledge', async () => {
      const { id, topic } = fresh()
      const lamp = await Raw.connect(system, 'eu', id, { expiry: 3600, properties: { receiveMaximum: 1 } })
      await lamp.subscribe([
        { topic: `devices/${id}/first`, qos: 1 },
        { topic, qos: 1 },
      ])
      await app.publish(`devices/${id}/first`, 'one')
      await app.publish(topic, 'two')
      await expectCause('waiting', 'receive-maximum', id, topic)
      lamp.drop()
    })
  })

  describe('dropped', () => {
    it('since it expired while the client was away, before that is back and after', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'eu', id, KEPT)
      await lamp.subscribe(topic)
      await lamp.end()
      await app.publish(topic, 'on', { qos: 1, properties: { messageExpiryInterval: 1 } })
      await expectCause('dropped', 'expired', id, topic)
      const back = await Client.connect(system, 'eu', id, KEPT)
      const said = await expectCause('dropped', 'expired', id, topic)
      expect(said.sentence).toContain('before it was sent')
      expect(back.texts).toEqual([])
      await back.end()
    })

    it('since it is larger than the client takes', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id, {
        clean: false,
        properties: { sessionExpiryInterval: 60, maximumPacketSize: 100 },
      })
      await lamp.subscribe(topic)
      await app.publish(topic, 'x'.repeat(200))
      const said = await expectCause('dropped', 'too-large', id, topic)
      expect(said.sentence).toContain('100 bytes')
      await lamp.end()
    })

    it('since it had QoS 0 and the client was away', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id, KEPT)
      await lamp.subscribe(topic)
      await lamp.end()
      await app.publish(topic, 'on', { qos: 0 })
      await expectCause('dropped', 'qos-0-away', id, topic)
    })
  })

  describe('refused', () => {
    it('since only the server may publish to the topic', async () => {
      const { id } = fresh()
      await expectCause('refused', 'not-authorized', id, '$SYS/broker/version')
      await expectCause('refused', 'not-authorized', id, `presence/${id}`, { publisher: 'app' })
    })

    it("since the client's queue was full and dropped its oldest", { timeout: TEST_MS }, async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'eu', id, KEPT)
      await lamp.subscribe(topic)
      await lamp.end()
      const large = 'x'.repeat(1_000_000)
      const traced = (trace: string) => ({ qos: 1 as const, properties: { userProperties: { trace } } })
      await app.publish(topic, large, traced('first'))
      for (let i = 2; i <= 18; i++) await app.publish(topic, large)
      await app.publish(topic, 'small', traced('last'))
      const said = await expectCause('dropped', 'queue-full', id, topic, { trace: 'first' })
      expect(said.sentence).toContain('2 messages of this topic')
      await expectCause('waiting', 'offline-queued', id, topic, { trace: 'last' })
    })
  })

  describe('never sent', () => {
    it('to a client that never connected', async () => {
      const { id, topic } = fresh()
      await app.publish(topic, 'on')
      await expectCause('never-sent', 'never-connected', id, topic)
    })

    it('to a client whose subscriptions do not match', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id)
      await lamp.subscribe(`${topic}/other`)
      await app.publish(topic, 'on')
      await expectCause('never-sent', 'no-subscription', id, topic)
      await lamp.end()
    })

    it('to a client whose session ended with its connection', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id)
      await lamp.subscribe(topic)
      await lamp.end()
      await app.publish(topic, 'on')
      await expectCause('never-sent', 'session-ended', id, topic)
    })

    it('to a client whose session has expired', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'eu', id, {
        clean: false,
        properties: { sessionExpiryInterval: 1 },
      })
      await lamp.subscribe(topic)
      await lamp.end()
      await new Promise((done) => setTimeout(done, 1_500))
      await app.publish(topic, 'on')
      await expectCause('never-sent', 'session-expired', id, topic)
    })

    it('to a client that ended its session by Clean Start and has not subscribed again', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'eu', id, KEPT)
      await lamp.subscribe(topic)
      await lamp.end()
      const anew = await Client.connect(system, 'eu', id, { clean: true })
      await app.publish(topic, 'on')
      await expectCause('never-sent', 'session-discarded', id, topic)
      await anew.end()
    })

    it('to a client that subscribed afterwards', async () => {
      const { id } = fresh()
      const topic = `rooms/${id}/x`
      const lamp = await Client.connect(system, 'us', id)
      await app.publish(topic, 'on')
      await new Promise((done) => setTimeout(done, 1_500))
      await lamp.subscribe(topic)
      await expectCause('never-sent', 'subscribed-after', id, topic)
      await lamp.end()
    })

    it('to its own publisher with No Local', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id)
      await lamp.subscribe(topic, { qos: 1, nl: true })
      await lamp.publish(topic, 'on')
      await expectCause('never-sent', 'no-local', id, topic)
      await lamp.end()
    })

    it('to one member of a group, since another got it', async () => {
      const { id } = fresh()
      const topic = `rooms/${id}/work`
      const members = [
        await Client.connect(system, 'eu', `${id}a`),
        await Client.connect(system, 'eu', `${id}b`),
      ]
      for (const member of members) await member.subscribe(`$share/g/${topic}`)
      await app.publish(topic, 'job')
      await until(() => members.some(({ got }) => got.length === 1))
      const idle = members.findIndex(({ got }) => got.length === 0)
      const said = await expectCause('never-sent', 'shared-other-member', `${id}${'ab'[idle]}`, topic)
      expect(said.sentence).toContain(`${id}${'ba'[idle]} got`)
      for (const member of members) await member.end()
    })

    it('by a publisher that never connected, or published nothing', async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id)
      await lamp.subscribe(topic)
      await expectCause('never-sent', 'publisher-never-connected', id, topic, { publisher: 'nobody' })
      await expectCause('never-sent', 'nothing-published', id, topic, { publisher: 'app' })
      await lamp.end()
    })
  })

  describe('with a part out of reach', () => {
    it("the receiver's region", { timeout: TEST_MS }, async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id, KEPT)
      await lamp.subscribe(topic)
      await app.publish(topic, 'one')
      await lamp.has(1)
      const thaw = await system.freeze('us')
      try {
        await app.publish(topic, 'two')
        const said = await expectCause('waiting', 'receiver-region-unreachable', id, topic)
        expect(said.sentence).toContain('the outbox of eu holds 1 message')
        expect(said.steps).toContainEqual(
          expect.objectContaining({ region: 'us', part: 'region', said: '', problem: expect.any(String) }),
        )
      } finally {
        thaw()
      }
      await expectCause('delivered', 'acknowledged', id, topic)
      await lamp.end()
    })

    it("the home of the topic's root", { timeout: TEST_MS }, async () => {
      const { id } = fresh()
      const topic = `rooms/${id}/x`
      const there = await Client.connect(system, 'us', `${id}-us`)
      // The first subscriber's region becomes the home.
      await there.subscribe(topic)
      const lamp = await Client.connect(system, 'eu', id, KEPT)
      await lamp.subscribe(topic)
      const thaw = await system.freeze('us')
      try {
        await app.publish(topic, 'on')
        await expectCause('waiting', 'home-unreachable', id, topic)
      } finally {
        thaw()
      }
      await expectCause('delivered', 'acknowledged', id, topic)
      for (const client of [there, lamp]) await client.end()
    })

    it('the core', { timeout: TEST_MS }, async () => {
      const { id, topic } = fresh()
      const lamp = await Client.connect(system, 'us', id, KEPT)
      await lamp.subscribe(topic)
      await app.publish(topic, 'one')
      await lamp.has(1)
      const local = await Client.connect(system, 'eu', `${id}-eu`, KEPT)
      const thaw = await system.freeze('core')
      try {
        await app.publish(topic, 'two')
        const said = await expectCause('waiting', 'core-unreachable', id, topic)
        expect(said.sentence).toContain('the outbox of eu holds 1 message')
        // A wide filter that the other region cannot be told of.
        void local.subscribe(`+/${id}/wide`).catch(() => undefined)
        await expectCause('never-sent', 'wide-not-settled', `${id}-eu`, `devices/${id}/wide`)
      } finally {
        thaw()
      }
      await expectCause('delivered', 'acknowledged', id, topic)
      for (const client of [lamp, local]) await client.end()
    })

    it("the client's former region, without which it goes on", { timeout: 120_000 }, async () => {
      const { id } = fresh()
      const topic = `rooms/${id}/x`
      const there = await Client.connect(system, 'us', `${id}-us`)
      const lamp = await Client.connect(system, 'eu', id, KEPT)
      await lamp.subscribe(topic)
      await lamp.end()
      await there.publish(topic, 'one')
      const thaw = await system.freeze('eu')
      try {
        await until(
          async () =>
            Client.connect(system, 'us', id, KEPT).then(
              async (moved) => {
                await moved.subscribe(`devices/${id}/cmd`)
                return true
              },
              () => false,
            ),
          60_000,
        )
        await expectCause('waiting', 'fail-over', id, `devices/${id}/cmd`, { region: 'us' })
      } finally {
        thaw()
      }
      await there.end()
    })
  })

  it('is for the client itself and for administrators', async () => {
    const { id, topic } = fresh()
    const of = (token: string) => ask(id, topic, { token }).then(({ status }) => status)
    expect(await of(await system.token(id))).toBe(200)
    expect(await of(await system.token('another'))).toBe(403)
    expect(await of('none')).toBe(401)
  })

  it('names the parameter that is wrong', async () => {
    const wrong = async (device: string, topic: string) => {
      const response = await ask(device, topic)
      return [response.status, ((await response.json()) as { field?: string }).field]
    }
    expect(await wrong('a/b', 'x')).toEqual([400, 'device'])
    expect(await wrong('lamp', 'x/#')).toEqual([400, 'topic'])
  })
})
