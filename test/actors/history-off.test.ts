// A subscription with history where none is kept: refused with the cause, rather than granted as if nothing had been published.
import { expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import type { SubscribeReply } from '../../actors/leaf/leaf-peer.ts'
import { NO_HISTORY, parseChosen } from '../../src/history/chosen.ts'
import { packBatch } from '../../src/relay/batch.ts'
import type { HistoryResponse } from '../../src/relay/history.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, connectFrame, EU, LAMP, packetsTo, record, subscribeFrame, textsTo } from './samples.ts'

const ROOM = '$history/1h/rooms/42/light'

/** What a lamp gets that subscribes to a room's history. @param texts that the store has of it */
async function replay(history: typeof NO_HISTORY, filter: string, texts: readonly string[] = []) {
  const stored = {
    status: 'done' as const,
    messages: texts.map((text, i) => ({
      at: 1_000 + i,
      epoch: 1,
      number: i + 1,
      publisher: 'phone',
      record: record('rooms/42/light', text),
    })),
    next: null,
    seam: { at: 2_000, epoch: 1, number: texts.length },
  } satisfies HistoryResponse
  const empty: HistoryResponse = { ...stored, messages: [] }
  const core = fakeCore(EU, { history: async ({ after }) => (after === null ? stored : empty) })
  const registered: string[] = []
  const peers = fakePeers({
    leaf: () => ({
      subscribe: async (_, __, subscriptions): Promise<SubscribeReply> => {
        registered.push(...subscriptions.map(({ filter: one }) => one))
        return { reasons: subscriptions.map(({ qos }) => qos), retained: packBatch([]) }
      },
    }),
  })
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { core, peers, settings: { history } })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(3600))
  await gate.frame(connection, subscribeFrame(1, filter))
  await platform.clock.pass(5_000)
  const suback = packetsTo(connection).find(({ cmd }) => cmd === 'suback') as {
    granted?: number[]
    properties?: { reasonString?: string }
  }
  return {
    granted: suback.granted,
    said: suback.properties?.reasonString,
    registered,
    texts: textsTo(connection),
  }
}

test('a history that is off is refused, and the Reason String names the setting', async () => {
  const { granted, said, registered } = await replay(NO_HISTORY, ROOM)
  expect(granted).toEqual([0x83])
  expect(said).toBe('the setting HISTORY chooses no topic that matches rooms/42/light: it has no history')
  expect(registered).toEqual([])
})

test('a history of topics that are not chosen is refused alike', async () => {
  expect(await replay(parseChosen('devices/#=1d'), ROOM)).toMatchObject({ granted: [0x83], registered: [] })
})

test('a history that is on and empty is granted', async () => {
  const { granted, said, registered } = await replay(parseChosen('rooms/#=1d'), ROOM)
  expect([granted, said, registered]).toEqual([[1], undefined, ['rooms/42/light']])
})

test('what was stored before the history was turned off is still replayed', async () => {
  const { granted, texts } = await replay(NO_HISTORY, ROOM, ['on', 'off'])
  expect([granted, texts]).toEqual([[1], ['on', 'off']])
})
