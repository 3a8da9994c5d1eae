// What the stages of a leaf may do with a message, and what its publisher and subscribers get of that.
import { expect, test } from 'vitest'
import { Leaf } from '../../actors/leaf/leaf.ts'
import type { LeafPart } from '../../actors/leaf/leaf-part.ts'
import type { Stage, StagedMessage } from '../../actors/leaf/stages/stage.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { NO_STATE } from '../../src/relay/home.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { APP, addressOf, deliveredTexts, EU, LAMP, ROOM, record, subscriptionTo, textOf } from './samples.ts'

const TOPIC = `${ROOM}/chat`

/** A topic's leaf at home, with a subscriber, and with stages before those of every leaf. */
async function leafWith(stages: readonly Stage[], parts: readonly LeafPart[] = []) {
  const delivered: string[] = []
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    core: fakeCore(EU, {
      claim: async () => ({ home: { region: EU, epoch: 1 }, state: null, synced: false }),
    }),
    peers: fakePeers(),
  })
  const leaf = new Leaf(platform, ROOM, {
    deliver: async (_client, _session, batch) => {
      delivered.push(...deliveredTexts(batch))
      return new Uint8Array(unpackBatch(batch).length)
    },
    stages: (common) => [...stages, ...common],
    parts: () => parts,
  })
  await leaf.home.find()
  await leaf.subscribe(APP, 's', [subscriptionTo(`${ROOM}/#`)])
  const publish = async (...texts: string[]) => {
    const outcomes = leaf.publish(
      LAMP,
      texts.map((text) => record(TOPIC, text, { qos: 1 })),
    )
    await platform.clock.pass(100)
    return [...(await outcomes)]
  }
  return { platform, leaf, delivered, publish }
}

function stage(accept: Stage['accept']): Stage {
  return { accept }
}

/** Notes what it sees, and leaves each message as it is. */
function probe() {
  const seen: StagedMessage[] = []
  return {
    seen,
    stage: stage((staged) => {
      seen.push(staged)
      return null
    }),
  }
}

test('each stage sees a message once, in the order of acceptance, with its publisher and the epoch', async () => {
  const [first, second] = [probe(), probe()]
  const world = await leafWith([first.stage, second.stage])
  expect(await world.publish('a', 'b')).toEqual([Reason.Success, Reason.Success])
  for (const { seen } of [first, second]) {
    expect(seen.map(({ message }) => textOf(message.payload))).toEqual(['a', 'b'])
    expect(seen[0]).toMatchObject({ publisher: LAMP, epoch: 1, applied: false })
  }
  expect(world.delivered).toEqual(['a', 'b'])
})

test('a stage that refuses a message ends it, and no other message', async () => {
  const after = probe()
  const refusing = stage(({ message }) =>
    textOf(message.payload) === 'bad' ? { refused: Reason.NotAuthorized } : null,
  )
  const world = await leafWith([refusing, after.stage])
  expect(await world.publish('bad', 'good')).toEqual([Reason.NotAuthorized, Reason.Success])
  expect(after.seen).toHaveLength(1)
  expect(world.delivered).toEqual(['good'])
})

test('a message that a stage replaces is what later stages and subscribers get', async () => {
  const after = probe()
  const replacing = stage(({ message }) => ({
    message: { ...message, payload: new TextEncoder().encode('new') },
  }))
  const world = await leafWith([replacing, after.stage])
  await world.publish('old')
  expect(textOf(after.seen[0]?.message.payload ?? new Uint8Array())).toBe('new')
  expect(world.delivered).toEqual(['new'])
})

test('followers come directly after their message, before the next one, and no stage may refuse them', async () => {
  const after = probe()
  const answering = stage(({ message, applied }) =>
    applied ? null : { followers: [{ ...message, payload: new TextEncoder().encode('answer') }] },
  )
  const world = await leafWith([answering, after.stage])
  await world.publish('a', 'b')
  expect(world.delivered).toEqual(['a', 'answer', 'b', 'answer'])
  expect(after.seen.map(({ applied }) => applied)).toEqual([false, true, false, true])
})

test('an applied message is neither refused nor retained by the stages of every leaf', async () => {
  const applying = stage(() => ({ applied: true }))
  const world = await leafWith([applying])
  const published = world.leaf.publish(LAMP, [record(TOPIC, 'a', { qos: 1, retain: true })])
  await world.platform.clock.pass(100)
  await published
  expect(world.delivered).toEqual(['a'])
  expect(world.leaf.retained.all()).toEqual([])
})

test.each([
  [
    'the worst of the outcomes that stages add is the message’s',
    [Reason.QuotaExceeded],
    Reason.QuotaExceeded,
  ],
  ['a stage that has stored the message makes its outcome Stored', [Outcome.Stored], Outcome.Stored],
])('%s', async (_, added, expected) => {
  const adding = stage(() => ({ outcomes: added.map((one) => Promise.resolve(one)) }))
  const world = await leafWith([adding])
  expect(await world.publish('a')).toEqual([expected])
})

test('a message that reached somebody other than a subscriber has no outcome that says nobody wanted it', async () => {
  const [plain, received] = [await leafWith([]), await leafWith([stage(() => ({ received: true }))])]
  for (const { leaf } of [plain, received]) leaf.unsubscribe(APP, 's', null)
  expect(await plain.publish('a')).toEqual([Reason.NoMatchingSubscribers])
  expect(await received.publish('a')).toEqual([Reason.Success])
})

test('parts read what this region still has before any of them writes an imported state', async () => {
  const steps: string[] = []
  const part = (name: string): LeafPart => ({
    import: () => {
      steps.push(`${name} reads`)
      return () => steps.push(`${name} writes`)
    },
  })
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    core: fakeCore(EU, {
      claim: async () => ({ home: { region: EU, epoch: 2 }, state: NO_STATE, synced: false }),
    }),
  })
  const leaf = new Leaf(platform, ROOM, {
    deliver: async () => new Uint8Array(),
    stages: (common) => common,
    parts: () => [part('session'), part('shadows')],
  })
  const taken = leaf.home.take()
  await platform.clock.pass(1_000)
  await taken
  expect(steps).toEqual(['session reads', 'shadows reads', 'session writes', 'shadows writes'])
})

test('a hand-over calls the parts before this region stops being the home and after, and exports what each adds', async () => {
  const homes: string[] = []
  const part: LeafPart = {
    beforeHandover: (lost) => homes.push(`${world.leaf.home.knowledge.at}, lost: ${lost}`),
    afterHandover: (lost) => homes.push(`${world.leaf.home.knowledge.at}, lost: ${lost}`),
    export: () => ({ presence: [Uint8Array.of(1)] }),
  }
  const world = await leafWith([], [part])
  world.leaf.handOver('us' as typeof EU, 2, true)
  expect(homes).toEqual(['here, lost: true', 'elsewhere, lost: true'])
  expect(world.leaf.exportState()).toMatchObject({ session: null, presence: [Uint8Array.of(1)], shadows: [] })
})
