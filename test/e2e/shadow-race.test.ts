// Ten thousand updates of one shadow at once, from clients in two regions: none is lost, and the end is that of some order.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isObject, type JsonObject, merge } from '../../src/shadow/json.ts'
import { type Said, ShadowClient } from './shadow-client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const ROOT = 'devices/contested/shadow'
const WRITERS = ['eu', 'us', 'eu', 'us']
const UPDATES_OF_EACH = 2_500
/** Every fourth is for a version. */
const VERSIONED_OF = 4
const UNDER_WAY_MAX = 40
const RACE_MS = 120_000

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

/** One that writes its own attribute, and counts in a shared one, as fast as its answers come. */
class Writer {
  answered = 0
  counted = 0
  conflicts = 0
  private known = { version: 0, count: 0 }
  private read = 0
  private sent = 0
  private readonly counting = new Set<string>()
  private readonly name: string
  private readonly client: ShadowClient

  constructor(name: string, client: ShadowClient) {
    this.name = name
    this.client = client
  }

  async run(): Promise<void> {
    while (this.answered < UPDATES_OF_EACH) {
      this.hear()
      while (this.sent < UPDATES_OF_EACH && this.sent - this.answered < UNDER_WAY_MAX) this.send()
      await until(
        () => this.client.client.got.length > this.read || this.answered === UPDATES_OF_EACH,
        30_000,
      )
    }
  }

  /** Nobody else writes: it is counted as soon as this one has heard of the last version. */
  async countAlone(): Promise<void> {
    for (const before = this.counted; this.counted === before; ) {
      const { answered } = this
      this.send(true)
      await until(() => {
        this.hear()
        return this.answered > answered
      }, 30_000)
    }
  }

  get versioned(): number {
    return this.counting.size
  }

  private send(versioned = (this.sent + 1) % VERSIONED_OF === 0): void {
    const clientToken = `${this.name} ${++this.sent}`
    if (versioned) this.counting.add(clientToken)
    const state = versioned
      ? { desired: { count: this.known.count + 1 } }
      : { reported: { [this.name]: { n: this.sent } } }
    const body = { state, clientToken, ...(versioned && { version: this.known.version }) }
    this.client.client.mqtt.publish(`${ROOT}/update`, JSON.stringify(body), { qos: 1 })
  }

  private hear(): void {
    const { got } = this.client.client
    for (; this.read < got.length; this.read++) {
      const one = got[this.read]
      if (one === undefined) continue
      const body = JSON.parse(one.text) as Said['body']
      const { clientToken = '', version, state } = body
      if (version !== undefined) {
        const count = state?.desired?.count
        this.known = { version, count: typeof count === 'number' ? count : this.known.count }
      }
      if (!clientToken.startsWith(`${this.name} `)) continue
      this.answered++
      if (!this.counting.has(clientToken)) continue
      if (one.topic.endsWith('/accepted')) this.counted++
      else this.conflicts++
    }
  }
}

it('no update is lost, versions count all of them, and the final state is that of the accepted ones in order', {
  timeout: RACE_MS,
}, async () => {
  const watcher = await ShadowClient.connect(system, 'us', 'watcher', ROOT)
  await watcher.listen('+/accepted', '+/rejected')
  const clients = await Promise.all(
    WRITERS.map((region, i) => ShadowClient.connect(system, region, `writer-${i}`, ROOT)),
  )
  for (const client of clients) await client.listen('update/accepted', 'update/rejected')
  const writers = clients.map((client, i) => new Writer(`w${i}`, client))
  await Promise.all(writers.map((writer) => writer.run()))
  for (const writer of writers) await writer.countAlone()

  const counted = writers.reduce((sum, one) => sum + one.counted, 0)
  const conflicts = writers.reduce((sum, one) => sum + one.conflicts, 0)
  const all = writers.reduce((sum, one) => sum + one.answered, 0)
  expect(all).toBeGreaterThanOrEqual(WRITERS.length * (UPDATES_OF_EACH + 1))
  expect(counted + conflicts).toBe(writers.reduce((sum, one) => sum + one.versioned, 0))
  expect(counted).toBeGreaterThanOrEqual(WRITERS.length)
  expect(conflicts).toBeGreaterThan(0)

  const end = await watcher.ask('get')
  const accepted = watcher.of('update/accepted')
  expect(accepted.map(({ body }) => body.version)).toEqual(
    Array.from({ length: all - conflicts }, (_, i) => i + 1),
  )
  const reference = accepted.reduce<JsonObject>(
    (state, { body }) => merge(state, isObject(body.state) ? body.state : {}),
    {},
  )
  expect(end.body).toMatchObject({ version: all - conflicts, state: reference })
  expect(end.body.state?.desired?.count).toBe(counted)
  const last = Array.from({ length: VERSIONED_OF - 1 }, (_, i) => UPDATES_OF_EACH - i).find(
    (n) => n % VERSIONED_OF > 0,
  )
  for (let i = 0; i < WRITERS.length; i++) expect(end.body.state?.reported?.[`w${i}`]).toEqual({ n: last })
  for (const one of [...clients, watcher]) await one.end()
})
