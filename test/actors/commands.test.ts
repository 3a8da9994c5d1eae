// Calls of a device at its home: each reaches it once, is answered by it alone, and outlives what is to outlive memory.
import type { IPublishPacket } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { COMMANDS_KEPT_MAX, COMMANDS_OPEN_MAX, COMMANDS_OPEN_PER_CALLER_MAX } from '../../actors/limits.ts'
import type { ClientId } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import {
  COMMAND_BYTES_MAX,
  type CommandAsked,
  type CommandCall,
  type CommandOutcome,
  type HomeCommandResponse,
} from '../../src/relay/command.ts'
import {
  APP,
  frame,
  LAMP,
  packetsTo,
  record,
  subscribeFrame,
  subscriptionTo,
  textOf,
  US,
  watch,
} from './samples.ts'
import { SyncWorld } from './sync-world.ts'

const COMMANDS = 'devices/lamp/commands/#'
const DAY_MS = 24 * 3_600_000

function called(more: Partial<CommandCall> = {}): CommandCall {
  return {
    ask: 'call',
    id: 'c1',
    name: 'blink',
    payload: bytesToBase64(new TextEncoder().encode('{"times":3}')),
    contentType: 'application/json',
    timeoutMs: 10_000,
    whenOffline: 'fail',
    kept: false,
    fingerprint: 'f1',
    askedForMs: 0,
    holdMs: 10_000,
    ...more,
  }
}

class World extends SyncWorld {
  private messageId = 100

  static async listening(expirySeconds = 3600, filter = COMMANDS): Promise<World> {
    const world = new World()
    await world.listen(expirySeconds, filter)
    return world
  }

  async listen(expirySeconds = 3600, filter = COMMANDS): Promise<void> {
    await this.connect(expirySeconds)
    await this.gate.frame(this.connection, subscribeFrame(1, filter))
    await this.clock.pass(10)
  }

  /** Asks the home; what it says, in a while. */
  ask(asked: CommandAsked, epoch: number | null = null) {
    const said = watch(this.device.parts.commands.ask(asked, epoch))
    return {
      ...said,
      outcome: (): CommandOutcome | undefined => outcomeOf(said.value()),
      status: () => said.value()?.status,
    }
  }

  async outcome(asked: CommandAsked, passMs = 20): Promise<CommandOutcome | undefined> {
    const said = this.ask(asked)
    await this.clock.pass(passMs)
    return said.outcome()
  }

  look(id = 'c1'): Promise<CommandOutcome | undefined> {
    return this.outcome({ ask: 'look', id, holdMs: 0 })
  }

  /** Commands that came on this connection. */
  get commands(): IPublishPacket[] {
    return packetsTo(this.connection).filter(
      (packet): packet is IPublishPacket =>
        packet.cmd === 'publish' && packet.topic.startsWith('devices/lamp/commands/'),
    )
  }

  /** The device publishes. */
  async says(topic: string, payload: string, more: Partial<IPublishPacket> = {}): Promise<void> {
    const messageId = this.messageId++
    const packet = { cmd: 'publish', qos: 1, dup: false, retain: false, messageId, topic, payload } as const
    await this.gate.frame(this.connection, frame({ ...packet, ...more }))
    await this.clock.settled()
  }

  replies(id = 'c1', payload = 'done', more: Partial<IPublishPacket> = {}): Promise<void> {
    return this.says(`devices/lamp/answers/${id}`, payload, more)
  }
}

function outcomeOf(said: HomeCommandResponse | undefined): CommandOutcome | undefined {
  return said?.status === 'done' ? said.outcome : undefined
}

const answered = (text: string, status: number | null = 200) => ({
  state: 'answered',
  command: { answer: { status, payload: bytesToBase64(new TextEncoder().encode(text)) } },
})

describe('a call of a connected device', () => {
  test('reaches it with where and how to answer, and is answered with what it says', async () => {
    const world = await World.listening()
    const said = world.ask(called())
    await world.clock.pass(20)
    const [command] = world.commands
    expect(command).toMatchObject({ topic: 'devices/lamp/commands/blink/c1', qos: 1, retain: false })
    expect(command?.payload.toString()).toBe('{"times":3}')
    expect(command?.properties).toMatchObject({
      responseTopic: 'devices/lamp/answers/c1',
      contentType: 'application/json',
      messageExpiryInterval: 10,
    })
    expect(command?.properties?.correlationData?.toString()).toBe('c1')
    await world.acknowledge()
    expect(said.state()).toBe('open')
    await world.replies('c1', '{"ok":1}', {
      properties: { contentType: 'application/json', userProperties: { status: '201', took: '3' } },
    })
    expect(said.outcome()).toMatchObject({
      state: 'answered',
      command: {
        id: 'c1',
        name: 'blink',
        answer: {
          status: 201,
          contentType: 'application/json',
          userProperties: [
            ['status', '201'],
            ['took', '3'],
          ],
        },
      },
    })
  })

  test('that is answered in time touches no storage', async () => {
    const world = await World.listening()
    await world.clock.pass(5_000)
    const before = world.platform.execs
    const said = world.ask(called())
    await world.clock.pass(20)
    await world.acknowledge()
    await world.replies()
    expect(said.outcome()).toMatchObject(answered('done'))
    expect(world.platform.execs - before).toBe(0)
  })

  test.each([
    ['its topic', 'devices/lamp/answers/c1/404', {}, 404],
    [
      'a user property',
      'devices/lamp/answers/c1',
      { properties: { userProperties: { status: '503' } } },
      503,
    ],
    [
      'both, of which the topic counts',
      'devices/lamp/answers/c1/299',
      { properties: { userProperties: { status: '503' } } },
      299,
    ],
    ['a topic that is none', 'devices/lamp/answers/c1/fine', {}, null],
    ['a topic with more levels', 'devices/lamp/answers/c1/200/x', {}, null],
    [
      'a user property that is none',
      'devices/lamp/answers/c1',
      { properties: { userProperties: { status: '99' } } },
      null,
    ],
  ])('gets the answer’s status from %s', async (_, topic, more, status) => {
    const world = await World.listening()
    const said = world.ask(called())
    await world.clock.pass(20)
    await world.says(topic, 'x', more)
    expect(said.outcome()).toMatchObject(answered('x', status))
  })

  test('is not answered by anybody else, by an answer to another call, or by what is no answer', async () => {
    const world = await World.listening()
    const said = world.ask(called())
    await world.clock.pass(20)
    const [outcome] = await world.device.leaf.publish(APP, [record('devices/lamp/answers/c1', 'mine')])
    expect(outcome).toBe(Reason.NotAuthorized)
    for (const topic of ['c2', 'c1x', '', 'c 1', 'c1'].map((id) => `devices/lamp/answers/${id}`).slice(0, 4))
      await world.says(topic, 'no')
    await world.says('devices/lamp/answer/c1', 'no')
    expect(said.state()).toBe('open')
    await world.replies()
    await world.replies('c1', 'twice')
    expect(said.outcome()).toMatchObject(answered('done'))
    expect(await world.look()).toMatchObject(answered('done'))
  })

  test('gets an answer as large as it may be, and of a larger one the word that it is too large', async () => {
    const world = await World.listening()
    const [largest, larger] = [world.ask(called()), world.ask(called({ id: 'c2' }))]
    await world.clock.pass(20)
    await world.replies('c1', 'x'.repeat(COMMAND_BYTES_MAX))
    await world.replies('c2', 'x'.repeat(COMMAND_BYTES_MAX + 1))
    expect(largest.outcome()).toMatchObject(answered('x'.repeat(COMMAND_BYTES_MAX)))
    expect(larger.outcome()).toMatchObject({
      state: 'answered',
      command: { answer: { status: null, payload: '', tooLarge: true } },
    })
  })

  test('among a hundred at once gets its own answer', async () => {
    const world = await World.listening()
    const ids = Array.from({ length: 100 }, (_, i) => `c${i}`)
    const said = ids.map((id) => world.ask(called({ id, payload: btoa(id) })))
    await world.clock.pass(20)
    await world.acknowledge()
    await world.clock.pass(20)
    const got = world.commands
    for (const { topic, payload } of got.reverse())
      await world.replies(topic.split('/').at(-1), `to ${payload.toString()}`)
    ids.forEach((id, i) => void expect(said[i]?.outcome()).toMatchObject(answered(`to ${id}`)))
  })

  test('that is not answered expires, and a later answer is stored although memory is lost', async () => {
    const world = await World.listening()
    expect(await world.outcome(called(), 9_990)).toBeUndefined()
    const said = world.ask(called())
    await world.clock.pass(20)
    expect(said.outcome()).toMatchObject({ state: 'expired', command: { answer: null } })
    world.crash()
    await world.listen()
    expect(await world.look()).toMatchObject({ state: 'expired' })
    await world.replies('c1', 'late')
    expect(await world.look()).toMatchObject(answered('late'))
    world.crash()
    await world.clock.pass(DAY_MS)
    await world.alarm()
    expect(await world.look()).toEqual({ state: 'unknown' })
  })

  test('is held no longer than asked, and its answer is there for who asks again', async () => {
    const world = await World.listening()
    expect(await world.outcome(called({ holdMs: 1_000 }), 1_010)).toMatchObject({ state: 'open' })
    await world.replies()
    expect(await world.outcome(called({ askedForMs: 1_010 }))).toMatchObject(answered('done'))
    expect(world.commands).toHaveLength(1)
  })

  test('is refused where too many are open, until those are answered or over', async () => {
    const world = await World.listening()
    for (let i = 0; i < COMMANDS_OPEN_MAX; i++) world.ask(called({ id: `c${i}` }))
    await world.clock.pass(20)
    expect(await world.outcome(called({ id: 'over' }))).toEqual({ state: 'busy', who: 'device' })
    await world.acknowledge()
    await world.replies('c7')
    const said = world.ask(called({ id: 'next' }))
    expect(await world.outcome(called({ id: 'over' }))).toEqual({ state: 'busy', who: 'device' })
    expect(said.state()).toBe('open')
    await world.clock.pass(10_000)
    world.ask(called({ id: 'after' }))
    expect(await world.outcome(called({ id: 'over' }), 1)).toBeUndefined()
  })

  test('of one caller takes no more than its share, for seven days, also after memory is lost', async () => {
    const world = await World.listening()
    const greedy = { caller: 'greedy', timeoutMs: 7 * 24 * 3_600_000, kept: true, holdMs: 0 }
    for (let i = 0; i < COMMANDS_OPEN_PER_CALLER_MAX; i++) world.ask(called({ id: `g${i}`, ...greedy }))
    await world.clock.pass(20)
    await world.acknowledge()
    world.crash()
    expect(await world.outcome(called({ id: 'g-over', ...greedy }))).toEqual({ state: 'busy', who: 'caller' })
    const modest = called({ id: 'm1', caller: 'modest', whenOffline: 'wait', holdMs: 0 })
    expect(await world.outcome(modest)).toMatchObject({ state: 'open' })
  })

  test('that does not listen to it is not called, and the caller gets that answer', async () => {
    const world = await World.listening(3600, 'devices/lamp/commands/reboot/+')
    expect(await world.outcome(called())).toMatchObject({
      state: 'offline',
      why: 'deaf',
      presence: { state: 'connected' },
    })
    const said = world.ask(called({ id: 'c2', name: 'reboot' }))
    await world.clock.pass(20)
    expect(said.state()).toBe('open')
    expect(world.commands).toHaveLength(1)
  })
})

describe('a device that is away', () => {
  test('is not called where it should fail, and the answer has its last presence', async () => {
    const world = await World.listening()
    await world.leave()
    expect(await world.outcome(called())).toMatchObject({
      state: 'offline',
      why: 'away',
      presence: { state: 'disconnected' },
    })
    await world.listen()
    expect(world.commands).toHaveLength(0)
  })

  test('gets a command that waits when it comes back, although its home died meanwhile', async () => {
    const world = await World.listening()
    await world.leave()
    const waits = called({ whenOffline: 'wait', timeoutMs: 60_000, holdMs: 0 })
    expect(await world.outcome(waits)).toMatchObject({ state: 'open' })
    world.crash()
    await world.listen()
    expect(world.commands).toHaveLength(1)
    expect(await world.look()).toMatchObject({ state: 'open' })
    await world.replies()
    expect(await world.look()).toMatchObject(answered('done'))
  })

  test('does not get one whose time is over', async () => {
    const world = await World.listening()
    await world.leave()
    await world.outcome(called({ whenOffline: 'wait', timeoutMs: 5_000, holdMs: 0 }))
    await world.clock.pass(5_001)
    await world.listen()
    expect(world.commands).toHaveLength(0)
    expect(await world.look()).toMatchObject({ state: 'expired' })
  })

  test('has nothing to wait in where its session ended with its connection', async () => {
    const world = await World.listening(0)
    await world.leave()
    expect(await world.outcome(called({ whenOffline: 'wait' }))).toMatchObject({
      state: 'offline',
      why: 'no-session',
    })
  })
})

describe('a call that is kept', () => {
  test('is made once however often it is asked for, also after the home died', async () => {
    const world = await World.listening()
    const kept = called({ kept: true })
    const twice = [world.ask(kept), world.ask(kept)]
    await world.clock.pass(20)
    expect(world.commands).toHaveLength(1)
    world.crash()
    await world.listen()
    const again = world.ask(kept)
    await world.clock.pass(20)
    await world.replies()
    expect(again.outcome()).toMatchObject(answered('done'))
    expect(twice.map(({ state }) => state())).toEqual(['open', 'open'])
    world.crash()
    expect(await world.outcome(kept)).toMatchObject(answered('done'))
    expect(world.commands.length).toBeLessThanOrEqual(1)
  })

  test('is not made again for a caller that asks for something else by the same key', async () => {
    const world = await World.listening()
    world.ask(called({ kept: true }))
    await world.clock.pass(20)
    expect(await world.outcome(called({ kept: true, fingerprint: 'f2' }))).toEqual({ state: 'mismatch' })
  })

  test('makes the oldest be forgotten once there are too many', async () => {
    const world = await World.listening()
    for (let i = 0; i <= COMMANDS_KEPT_MAX; i++) {
      world.ask(called({ id: `k${i}`, kept: true }))
      await world.clock.settled()
      await world.acknowledge()
      await world.replies(`k${i}`)
      world.connection.frames.length = 0
      await world.clock.pass(1)
    }
    expect(await world.look('k0')).toEqual({ state: 'unknown' })
    expect(await world.look('k1')).toMatchObject({ state: 'answered' })
  })
})

describe('a caller that asks again, since the way to the home broke off,', () => {
  test('gets the answer that it is not known whether the device was called, where memory was lost', async () => {
    const world = await World.listening()
    world.ask(called())
    await world.clock.pass(20)
    world.crash()
    await world.listen()
    expect(await world.outcome(called({ askedForMs: 500 }))).toEqual({ state: 'lost' })
    expect(world.commands.filter(({ dup }) => dup !== true)).toHaveLength(0)
  })

  test('has the device called where this home would know of an earlier try, or keeps such calls', async () => {
    const world = await World.listening()
    await world.clock.pass(5_000)
    world.ask(called({ askedForMs: 2_000 }))
    world.crash()
    await world.listen()
    world.ask(called({ id: 'c2', kept: true, askedForMs: 2_000 }))
    await world.clock.pass(20)
    expect(world.commands.some(({ topic }) => topic.endsWith('/c2'))).toBe(true)
  })
})

describe('a home that moves', () => {
  const TO_US = { fleet: 'default', root: 'devices/lamp', epoch: 2, to: US } as Parameters<
    SyncWorld['device']['parts']['handover']['handover']
  >[0]

  test('sends who waits to the next one, which goes on with the commands, by its own clock', async () => {
    const world = await World.listening()
    const [open, kept] = [world.ask(called()), world.ask(called({ id: 'c2', kept: true }))]
    await world.clock.pass(20)
    await world.replies('c2')
    const given = world.device.parts.handover.handover(TO_US)
    await world.clock.settled()
    expect(open.status()).toBe('moved')
    expect(kept.outcome()).toMatchObject(answered('done'))
    expect(await world.ask(called()).value()).toBeUndefined()
    const state = given?.state
    if (state == null) throw new Error('nothing was given')
    expect(state.commands?.map(({ id, answer }) => [id, answer !== null])).toEqual([
      ['c2', true],
      ['c1', false],
    ])
    const next = new World({
      claim: async () => ({
        home: { region: 'eu', epoch: 3 } as never,
        state: { ...state, clock: state.clock - 60_000 },
        synced: false,
      }),
    })
    await next.connect(3600)
    const again = next.ask(called({ askedForMs: 100 }))
    await next.clock.pass(20)
    await next.replies()
    expect(again.outcome()).toMatchObject(answered('done'))
    expect(await next.outcome(called({ id: 'c2', kept: true }))).toMatchObject(answered('done'))
  })
})

describe('a command by MQTT', () => {
  test('without a response topic gets one, so that a 5.0 device can answer a 3.1.1 app', async () => {
    const world = await World.listening()
    const sent = world.device.leaf.publish(APP, [record('devices/lamp/commands/blink/r7', 'x')])
    await world.clock.pass(20)
    await world.acknowledge()
    await sent
    const [command] = world.commands
    expect(command?.properties).toMatchObject({ responseTopic: 'devices/lamp/answers/r7' })
    expect(command?.properties?.correlationData?.toString()).toBe('r7')
  })

  test('has its answer passed on like any message', async () => {
    const heard: string[] = []
    const world = await World.listening()
    world.peer = () => ({
      deliver: async (_session, batch) => {
        heard.push(textOf(batch))
        return Uint8Array.of(0)
      },
    })
    watch(world.device.leaf.subscribe('app' as ClientId, 's', [subscriptionTo('devices/lamp/answers/+')]))
    await world.clock.pass(100)
    await world.replies('r7', 'of the device')
    await world.clock.pass(20)
    expect(heard).toHaveLength(1)
    expect(heard[0]).toContain('of the device')
  })
})

test('bytes come and go unchanged', async () => {
  const world = await World.listening()
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  const said = world.ask(called({ payload: bytesToBase64(bytes), contentType: null }))
  await world.clock.pass(20)
  const [command] = world.commands
  expect(new Uint8Array(command?.payload as Buffer)).toEqual(bytes)
  await world.replies('c1', Buffer.from(bytes) as never)
  const outcome = said.outcome()
  if (outcome?.state !== 'answered') throw new Error('not answered')
  expect(base64ToBytes(outcome.command.answer?.payload ?? '')).toEqual(bytes)
  expect(LAMP).toBe('lamp')
})
