// Retained messages that a home had not synced when another region took its client over: which of two is the newer one.
import { expect, test } from 'vitest'
import { FAIL_OVER_REGISTER_MS } from '../../actors/limits.ts'
import type { RegionId } from '../../src/id/ids.ts'
import { isPresence } from '../../src/id/root.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import {
  ALL_IMPORTED,
  type ClaimResponse,
  type HandoverState,
  type ImportedResponse,
} from '../../src/relay/home.ts'
import { held } from './fake-peers.ts'
import { APP, EU, record, textOf, US, watch } from './samples.ts'
import { SyncWorld } from './sync-world.ts'

const [A, B, C] = ['devices/lamp/a', 'devices/lamp/b', 'devices/lamp/c'] as const

function kept(topic: string, text: string, epoch: number) {
  return { topic, record: record(topic, text, { retain: true, retainedAt: epoch }) }
}

function stateWith(...retained: HandoverState['retained']): HandoverState {
  return { session: null, clock: 0, interests: [], presence: [], shadows: [], retained, sessionEpoch: 2 }
}

/** A lamp whose home is in eu. @param claims answers; the core reaches no old home but with `late` */
function lamp(claims: ClaimResponse[], late?: ImportedResponse[]): SyncWorld {
  return new SyncWorld({
    claim: async () => claims.shift() as ClaimResponse,
    imported: async () => (late === undefined ? held<never>().answer : (late.shift() ?? ALL_IMPORTED)),
  })
}

async function retain(world: SyncWorld, topic: string, text: string): Promise<void> {
  const outcomes = watch(world.device.leaf.publish(APP, [record(topic, text, { retain: true })]))
  await world.clock.pass(2_000)
  expect(outcomes.state()).toBe('resolved')
}

function retainedOf(world: SyncWorld): string[] {
  return world.device.leaf.retained
    .all()
    .filter(({ topic }) => !isPresence(topic))
    .map(({ topic, record: bytes }) => `${topic} ${textOf(decodeMessage(bytes).payload)}`)
    .sort()
}

test('a region that takes its client back from a silent one keeps what it had not synced, unless that one has something newer', async () => {
  const state = stateWith(
    kept(A, 'synced', 1),
    kept(B, 'of the silent one', 2),
    kept(C, 'to be removed', 1),
    kept(`${C}/2`, 'of the silent one', 2),
  )
  const world = lamp([
    { home: { region: EU, epoch: 1 }, state: null, synced: false },
    { home: { region: EU, epoch: 3 }, state, synced: true },
  ])
  await world.settle()
  for (const topic of [A, B, C, `${C}/2`]) await retain(world, topic, 'synced')
  world.answer = async () => 'failed'
  for (const topic of [A, B, `${B}/new`]) await retain(world, topic, 'own')
  for (const topic of [C, `${C}/2`]) await retain(world, topic, '')
  watch(Promise.resolve(world.device.leaf.handOver(US, 2, true)))
  // Noted in storage, so that a crash forgets none of it.
  world.crash()
  world.answer = async () => 'applied'
  world.changes.length = 0
  watch(world.connect(3600))
  await world.clock.pass(FAIL_OVER_REGISTER_MS + 3_000)
  const held = [`${A} own`, `${B} of the silent one`, `${B}/new own`, `${C}/2 of the silent one`]
  expect(retainedOf(world)).toEqual(held)
  const synced = world.changes.flatMap(({ retained }) => retained.map(({ topic }) => topic))
  expect(synced.filter((topic) => !isPresence(topic)).sort()).toEqual([A, B, `${B}/new`, `${C}/2`])
})

test('the remainder of the oldest home is older than what a later home had changed and synced', async () => {
  const late: ImportedResponse = {
    ...ALL_IMPORTED,
    done: false,
    from: 'ap' as RegionId,
    retained: [
      { ...kept(A, 'oldest', 1), epoch: 1 },
      { ...kept(B, 'oldest', 1), epoch: 1 },
      { topic: C, record: null, epoch: 1 },
    ],
  }
  const state = stateWith(kept(A, 'of the second home', 2), kept(B, 'synced', 1), kept(C, 'second', 2))
  const world = lamp([{ home: { region: EU, epoch: 3 }, state, synced: true }], [late])
  watch(world.connect(3600))
  await world.clock.pass(FAIL_OVER_REGISTER_MS + 1_000)
  expect(retainedOf(world)).toEqual([`${A} of the second home`, `${B} oldest`, `${C} second`])
})
