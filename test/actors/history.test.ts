// What a home keeps of chosen topics: what it costs, how it comes to the store whatever happens, and where it is bounded.
import { describe, expect, test } from 'vitest'
import { HISTORY_WAITING_MESSAGES_MAX } from '../../actors/limits.ts'
import { NO_HISTORY, parseChosen } from '../../src/history/chosen.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { decodeMessage, type Message } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch } from '../../src/relay/batch.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import type { HistoryRow } from '../../src/relay/history.ts'
import { NO_STATE } from '../../src/relay/home.ts'
import { decodeDelivery } from '../../src/session/delivery.ts'
import { held } from './fake-peers.ts'
import { APP, LAMP_ROOT, record, routed, stored, textOf, textsTo, US, watch } from './samples.ts'
import { SyncWorld } from './sync-world.ts'

const TELEMETRY = 'devices/lamp/telemetry'
const WEEK_S = 7 * 86_400

async function newWorld(setting = 'devices/+/telemetry=7d'): Promise<SyncWorld> {
  const world = new SyncWorld({}, { history: parseChosen(setting) })
  await world.settle()
  return world
}

function publish(world: SyncWorld, text: string, more: Partial<Message> = {}, topic = TELEMETRY) {
  return watch(world.device.leaf.publish(APP, [record(topic, text, more)]))
}

function textIn(row: HistoryRow): string {
  return textOf(decodeMessage(row.record).payload)
}

/** What the store was given, in order. */
function kept(world: SyncWorld): HistoryRow[] {
  return world.changes.flatMap(({ history }) => history)
}

function texts(world: SyncWorld): string[] {
  return kept(world).map(textIn)
}

describe('a message of a chosen topic', () => {
  test('is given to the store once, with its place, its publisher and for how long it is kept', async () => {
    const world = await newWorld()
    const at = world.platform.now()
    publish(world, 'a')
    await world.clock.pass(5_000)
    expect(kept(world)).toMatchObject([{ epoch: 1, number: 1, at, publisher: APP, ttlSeconds: WEEK_S }])
    expect(texts(world)).toEqual(['a'])
  })

  test('has the longest time to live of the filters that match', async () => {
    const world = await newWorld('devices/#=1d,devices/+/telemetry=7d,rooms/#=2w')
    publish(world, 'a')
    publish(world, 'b', {}, 'devices/lamp/other')
    await world.clock.pass(5_000)
    expect(kept(world).map(({ ttlSeconds }) => ttlSeconds)).toEqual([WEEK_S, 86_400])
  })

  test('is acknowledged without a subscriber as a message that somebody has', async () => {
    const world = await newWorld()
    const published = publish(world, 'a')
    await world.clock.settled()
    expect(published.value()).toEqual(stored(1))
  })

  test('tells its place to those who get it live', async () => {
    const world = await newWorld('devices/+/cmd=7d')
    const given: Message[] = []
    const deliver = world.device.deliver.bind(world.device)
    world.device.deliver = (session, deliveries) => {
      given.push(...deliveries.map((bytes) => decodeDelivery(bytes).message))
      return deliver(session, deliveries)
    }
    publish(world, 'a', {}, 'devices/lamp/cmd')
    await world.clock.settled()
    expect(textsTo(world.connection)).toEqual(['a'])
    expect(given.map((message) => message.kept)).toEqual([{ epoch: 1, number: 1 }])
  })

  test('costs one row in storage for all that one call brings, which goes when the store has it', async () => {
    const world = await newWorld()
    const records = Array.from({ length: 50 }, (_, i) => record(TELEMETRY, `${i}`))
    watch(world.device.leaf.publish(APP, records))
    await world.clock.settled()
    const rows = () =>
      world.platform.storage.exec('SELECT messages FROM history').map(({ messages }) => messages)
    expect(rows()).toEqual([50])
    await world.clock.pass(3_000)
    expect(texts(world)).toEqual(records.map((_, i) => `${i}`))
    expect(rows()).toEqual([])
  })

  test('goes to the store at most once a second however much comes', async () => {
    const world = await newWorld()
    for (let i = 0; i < 30; i++) {
      publish(world, `${i}`)
      await world.clock.pass(100)
    }
    expect(world.changes.length).toBeLessThanOrEqual(4)
  })
})

test('a topic that is not chosen costs no statement', async () => {
  const counts: number[] = []
  for (const history of [NO_HISTORY, parseChosen('devices/+/telemetry=7d')]) {
    const world = new SyncWorld({}, { history })
    await world.settle()
    const before = world.platform.execs
    publish(world, 'a', { qos: 1 }, 'devices/lamp/other')
    await world.clock.pass(5_000)
    counts.push(world.platform.execs - before)
    expect(kept(world)).toEqual([])
  }
  expect(counts[1]).toBe(counts[0])
})

describe('what was acknowledged', () => {
  test('is there after a process that died before it was synced', async () => {
    const world = await newWorld()
    const published = publish(world, 'a')
    await world.clock.settled()
    expect(published.state()).toBe('resolved')
    world.crash()
    await world.alarm()
    await world.clock.pass(5_000)
    expect(texts(world)).toEqual(['a'])
  })

  test('is given again under its name where the answer was lost with the process', async () => {
    const world = await newWorld()
    const { answer } = held<'applied'>()
    world.answer = () => answer
    publish(world, 'a')
    await world.clock.pass(1_000)
    world.crash()
    world.answer = async () => 'applied'
    await world.alarm()
    await world.clock.pass(5_000)
    expect(texts(world)).toEqual(['a', 'a'])
    const [first, again] = kept(world)
    expect(again).toEqual(first)
  })

  test('with durability global is in the store', async () => {
    const world = await newWorld()
    const { answer, give } = held<'applied'>()
    world.answer = () => answer
    const published = publish(world, 'a', { global: true })
    await world.clock.pass(2_000)
    expect(published.state()).toBe('open')
    give('applied')
    await world.clock.settled()
    expect(published.value()).toEqual(stored(1))
  })

  test('comes by an envelope, again to a home that has lost its memory, and is kept once', async () => {
    const world = await newWorld()
    const envelope: Envelope = {
      fleet: DEFAULT_FLEET,
      root: LAMP_ROOT,
      to: { kind: 'home' },
      source: 'us 1',
      first: 5,
      clock: world.platform.now(),
      records: packBatch([routed(TELEMETRY, 'a')]),
    }
    watch(world.device.leaf.receive(envelope, 1))
    await world.clock.settled()
    world.crash()
    watch(world.device.leaf.receive(envelope, 1))
    await world.clock.pass(5_000)
    await world.alarm()
    await world.clock.pass(5_000)
    expect(new Set(kept(world).map(({ number }) => number)).size).toBe(1)
  })
})

describe('QoS 0', () => {
  test('is kept without a row in storage of its own', async () => {
    const world = await newWorld()
    const before = world.platform.execs
    publish(world, 'a', { qos: 0 })
    publish(world, 'b', { qos: 0 })
    expect(world.platform.execs).toBe(before)
    await world.clock.pass(5_000)
    expect(texts(world)).toEqual(['a', 'b'])
  })

  test('waits in storage while the core is away', async () => {
    const world = await newWorld()
    world.answer = async () => 'failed'
    publish(world, 'a', { qos: 0 })
    publish(world, 'b', { qos: 1 })
    await world.clock.pass(5_000)
    world.crash()
    world.changes.length = 0
    world.answer = async () => 'applied'
    await world.clock.pass(70_000)
    await world.alarm()
    expect(texts(world).sort()).toEqual(['a', 'b'])
  })

  test('numbers that the store may know are not used again after the process has died', async () => {
    const world = await newWorld()
    publish(world, 'a', { qos: 0 })
    await world.clock.pass(3_000)
    world.crash()
    publish(world, 'b', { qos: 0 })
    await world.clock.pass(3_000)
    expect(kept(world).map(({ number }) => number)).toEqual([1, 2])
  })
})

describe('while the core is away, past the bound', () => {
  async function full(): Promise<SyncWorld> {
    const world = await newWorld('devices/+/telemetry=7d,devices/+/cmd=7d')
    world.answer = async () => 'failed'
    const records = Array.from({ length: HISTORY_WAITING_MESSAGES_MAX }, () => record(TELEMETRY, 'x'))
    watch(world.device.leaf.publish(APP, records))
    await world.clock.settled()
    return world
  }

  test('a publisher is refused, and nobody gets the message', async () => {
    const world = await full()
    const published = publish(world, 'refused', {}, 'devices/lamp/cmd')
    await world.clock.settled()
    expect(published.value()).toEqual(Uint8Array.of(Reason.QuotaExceeded))
    expect(textsTo(world.connection)).toEqual([])
  })

  test('QoS 0 is passed on and not kept, which leaves a gap in the numbers and is reported', async () => {
    const world = await full()
    publish(world, 'live only', { qos: 0 }, 'devices/lamp/cmd')
    await world.clock.settled()
    expect(textsTo(world.connection)).toEqual(['live only'])
    expect(world.platform.reports.map(({ what }) => what)).toContain(
      'messages are missing in the history: too many wait for the core',
    )
    world.changes.length = 0
    world.answer = async () => 'applied'
    await world.clock.pass(120_000)
    await world.alarm()
    await world.clock.pass(30_000)
    const published = publish(world, 'again', { qos: 1 }, 'devices/lamp/cmd')
    await world.clock.pass(3_000)
    expect(published.value()).not.toEqual(Uint8Array.of(Reason.QuotaExceeded))
    expect(kept(world)).toHaveLength(HISTORY_WAITING_MESSAGES_MAX + 1)
    expect(kept(world).at(-1)?.number).toBe(HISTORY_WAITING_MESSAGES_MAX + 2)
  })

  test('what was not chosen is not refused', async () => {
    const world = await full()
    const published = publish(world, 'a', {}, 'devices/lamp/other')
    await world.clock.settled()
    expect(published.value()).not.toEqual(Uint8Array.of(Reason.QuotaExceeded))
  })
})

describe('a home that is no more', () => {
  test('goes on to give to the store what it has kept, with its own epoch', async () => {
    const world = await newWorld()
    world.answer = async () => 'failed'
    publish(world, 'a')
    await world.clock.pass(1_000)
    world.device.parts.handover.handover({ fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2, to: US })
    await world.clock.settled()
    world.changes.length = 0
    world.answer = async () => 'applied'
    world.crash()
    await world.alarm()
    await world.clock.pass(70_000)
    expect(kept(world)).toMatchObject([{ epoch: 1, number: 1 }])
    expect(world.changes.every(({ session }) => session === undefined)).toBe(true)
    expect(world.platform.storage.exec('SELECT 1 FROM history')).toEqual([])
  })

  test('that is fenced has given what it had', async () => {
    const world = await newWorld()
    world.answer = async () => 'fenced'
    publish(world, 'a')
    await world.clock.pass(2_000)
    expect(world.platform.storage.exec('SELECT 1 FROM history')).toEqual([])
  })

  test('tells the next one when it last kept a message, whatever that one’s clock says', async () => {
    const world = await newWorld()
    publish(world, 'a')
    await world.clock.settled()
    const { keptAt } = world.device.leaf.exportState()
    expect(keptAt).toBe(world.platform.now())
    const behind = await newWorld()
    const inAMinute = behind.platform.now() + 60_000
    behind.device.leaf.history.import({ ...NO_STATE, keptAt: inAMinute })()
    publish(behind, 'b')
    await behind.clock.pass(3_000)
    expect(kept(behind)).toMatchObject([{ at: inAMinute }])
  })
})

describe('the seam', () => {
  test('is answered when the store has all that was stored before it', async () => {
    const world = await newWorld()
    const { answer, give } = held<'applied'>()
    world.answer = () => answer
    publish(world, 'a')
    publish(world, 'b', { qos: 0 })
    await world.clock.settled()
    const seam = watch(world.device.leaf.historySeam(1))
    await world.clock.pass(2_000)
    expect(seam.state()).toBe('open')
    give('applied')
    await world.clock.settled()
    expect(seam.value()).toMatchObject({ status: 'done', seam: { epoch: 1, number: 2 } })
    expect(texts(world).sort()).toEqual(['a', 'b'])
  })

  test('has no answer while the core is away', async () => {
    const world = await newWorld()
    world.answer = async () => 'failed'
    publish(world, 'a')
    const seam = watch(world.device.leaf.historySeam(1))
    await world.clock.pass(10_000)
    expect(seam.state()).toBe('rejected')
  })
})
