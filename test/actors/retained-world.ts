// A device, and a leaf of `rooms/1` that answers a SUBSCRIBE with retained messages page by page.
import { Gate } from '../../actors/device/admission/gate.ts'
import type { LeafPeer } from '../../actors/leaf/leaf-peer.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, connectFrame, EU, frame, LAMP, packetsTo, record, watch } from './samples.ts'

export const FILTER = 'rooms/1/#'

/** A leaf of `rooms/1` that has these retained messages, one to a page, and none of them in the first reply. */
export function leafWith(topics: readonly string[], asked: string[], bytes = 1): Partial<LeafPeer> {
  return {
    subscribe: async (_client, _session, subscriptions) => ({
      reasons: subscriptions.map(({ qos }) => qos),
      retained: packBatch([]),
      retainedNext: '',
    }),
    retainedPage: async (_filters, after) => {
      asked.push(after)
      const topic = topics.find((one) => one > after)
      const records =
        topic === undefined ? [] : [record(topic, topic.padEnd(bytes, ' '), { retain: true, qos: 1 })]
      return { records: packBatch(records), next: topic === topics.at(-1) ? null : (topic ?? null) }
    },
  }
}

export async function connected(leaf: Partial<LeafPeer>, expirySeconds = 3600) {
  let platform = new FakePlatform(addressOf('device', EU, LAMP), { peers: fakePeers({ leaf: () => leaf }) })
  let gate = new Gate(platform, LAMP)
  const connect = async (cleanStart = true) => {
    const connection = platform.accept()
    gate.opened(connection, true)
    await gate.frame(connection, connectFrame(expirySeconds, { clean: cleanStart }))
    await platform.clock.settled()
    const send = async (bytes: Uint8Array) => {
      watch(gate.frame(connection, bytes) ?? Promise.resolve())
      await platform.clock.settled()
    }
    return { connection, send, close: () => gate.closed(connection) }
  }
  /** The actor leaves memory; its connections stay open unless it `dies`. */
  const loseMemory = (dies = false) => {
    if (dies) for (const connection of platform.connections()) connection.gone = true
    platform = platform.loseMemory()
    gate = new Gate(platform, LAMP)
  }
  return { ...(await connect()), connect, clock: platform.clock, device: () => gate.device, loseMemory }
}

export function topicsTo(connection: Parameters<typeof packetsTo>[0]): string[] {
  return packetsTo(connection).flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []))
}

/** Acknowledges all that came. */
export async function acknowledge({
  connection,
  send,
}: {
  connection: Parameters<typeof packetsTo>[0]
  send: (bytes: Uint8Array) => Promise<void>
}) {
  for (const packet of packetsTo(connection))
    if (packet.cmd === 'publish') await send(frame({ cmd: 'puback', messageId: packet.messageId ?? 0 }))
}
