// What could fill the memory of an edge, each at two sizes. docs/benchmarks.md numbers the cases.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from './connection.ts'
import type { LocalEdge } from './local-edge.ts'
import type { MemoryCase } from './options.ts'
import { fillOutbox } from './outbox-file.ts'
import { PacketType, PublishFrame, pubackFrame, readPublish, unfinishedConnectFrame } from './packets.ts'

const KIB = 1024
const MIB = 1024 * KIB
const WAIT_MS_MAX = 180_000
/** An outbox whose alarm has gone off sends without such a pause. */
const QUIET_MS = 15_000
/** In a WebSocket message of 64 KiB the rest of a packet has no room. */
const REST_BYTES = 64

export interface Case {
  readonly number: MemoryCase
  readonly name: string
  readonly unit: string
  /** The smaller first. */
  readonly sizes: readonly [number, number]
  /** Of the larger size: beyond it the case has failed. */
  readonly growthBytesMax: number
  /** By so much more the larger size may grow than the smaller one. */
  readonly differenceBytesMax: number
  /**
   * Resolves when all is done.
   * @param begin to be called when all is ready: memory counts from then on
   * @returns a remark for the table
   */
  run(edge: LocalEdge, size: number, begin: () => Promise<void>): Promise<string>
}

export const CASES: readonly Case[] = [
  {
    number: '5',
    name: 'QoS 0 to a socket that does not read',
    unit: 'MiB',
    sizes: [256, 512],
    growthBytesMax: 192 * MIB,
    differenceBytesMax: 64 * MIB,
    run: unreadSocket,
  },
  {
    number: '12',
    name: '1 MiB of CONNECT without its end, no token in the URL',
    unit: 'sockets',
    sizes: [60, 240],
    growthBytesMax: 64 * MIB,
    differenceBytesMax: 32 * MIB,
    run: (edge, sockets, begin) => unfinishedConnects(edge, sockets, false, begin),
  },
  {
    number: '12',
    name: 'the same, with its token in the URL',
    unit: 'sockets',
    sizes: [60, 240],
    growthBytesMax: 96 * MIB,
    differenceBytesMax: 32 * MIB,
    run: (edge, sockets, begin) => unfinishedConnects(edge, sockets, true, begin),
  },
  {
    number: '19',
    name: 'one message of 1 MiB',
    unit: 'subscribers',
    sizes: [50, 200],
    growthBytesMax: 192 * MIB,
    differenceBytesMax: 64 * MIB,
    run: (edge, subscribers, begin) => fanOut(edge, { subscribers, messages: 1, bytes: MIB - KIB }, begin),
  },
  {
    number: '19',
    name: '10 messages of 200 KiB',
    unit: 'subscribers',
    sizes: [250, 1_000],
    growthBytesMax: 192 * MIB,
    differenceBytesMax: 64 * MIB,
    run: (edge, subscribers, begin) => fanOut(edge, { subscribers, messages: 10, bytes: 200 * KIB }, begin),
  },
  {
    number: '21',
    name: 'the process starts with messages in an outbox',
    unit: 'messages',
    sizes: [25_000, 100_000],
    growthBytesMax: 192 * MIB,
    differenceBytesMax: 64 * MIB,
    run: fullOutbox,
  },
]

async function unreadSocket(edge: LocalEdge, mebibytes: number, begin: () => Promise<void>): Promise<string> {
  const publisher = await edge.connect('flood')
  const reader = await edge.connect('stalled')
  await reader.subscribe('rooms/stalled/x', 0)
  reader.stall()
  await begin()
  const frame = new PublishFrame('rooms/stalled/x', 0, MIB - KIB)
  for (let i = 0; i < mebibytes; i++) {
    publisher.write(frame.stamp(0, i, 0))
    await until(() => publisher.unsentBytes === 0)
    if (i % 16 === 15) await publisher.ping()
  }
  await publisher.ping()
  return ''
}

async function unfinishedConnects(
  edge: LocalEdge,
  sockets: number,
  withToken: boolean,
  begin: () => Promise<void>,
): Promise<string> {
  const id = 'crowd'
  const token = withToken ? ((await edge.tokens([id]))[id] ?? '') : ''
  await begin()
  const bytes = unfinishedConnectFrame(MIB - KIB)
  const open = []
  for (let i = 0; i < sockets; i++) {
    const socket = await edge.socket(id, token)
    // The frame as it is: the client of the other cases has no state between two of its frames either.
    const raw = (socket as unknown as { readonly _socket: { write(bytes: Buffer): void } })._socket
    if (socket.readyState === socket.OPEN) raw.write(bytes)
    open.push(socket)
  }
  await sleep(3_000)
  return `${open.filter((socket) => socket.readyState === socket.OPEN).length} stay open`
}

interface FanOut {
  readonly subscribers: number
  readonly messages: number
  readonly bytes: number
}

async function fanOut(
  edge: LocalEdge,
  { subscribers, messages, bytes }: FanOut,
  begin: () => Promise<void>,
): Promise<string> {
  const topic = 'rooms/wide/x'
  let received = 0
  const ids = Array.from({ length: subscribers }, (_, i) => `reader-${i}`)
  const publisher = await edge.connect('publisher')
  for (const reader of await edge.connectAll(ids)) {
    await reader.subscribe(topic, 1)
    acknowledgeAll(reader, () => received++)
  }
  let acknowledged = 0
  publisher.onPacket((header) => {
    if (header >> 4 === PacketType.puback) acknowledged++
  })
  await begin()
  const from = performance.now()
  const frame = new PublishFrame(topic, 1, bytes)
  for (let i = 0; i < messages; i++) publisher.write(frame.stamp(i + 1, i + 1, 0))
  await until(() => acknowledged === messages && received === messages * subscribers)
  return `all there after ${((performance.now() - from) / 1000).toFixed(1)} s`
}

function acknowledgeAll(reader: Connection, count: () => void): void {
  const message = { packetId: 0, sequence: 0, sentAt: 0 }
  reader.onPacket((header, bytes, start) => {
    if (header >> 4 !== PacketType.publish) return
    readPublish(header, bytes, start, message)
    reader.write(pubackFrame(message.packetId))
    count()
  })
}

/** The records of as many as the outbox has room for are just below its bound of bytes. */
const OUTBOX_PAYLOAD_BYTES = 500

async function fullOutbox(edge: LocalEdge, messages: number, begin: () => Promise<void>): Promise<string> {
  const topic = 'rooms/far/x'
  const home = await edge.connect('home', 1)
  await home.subscribe(topic, 0)
  const publisher = await edge.connect('publisher')
  // The other region neither answers nor ends: one message goes to the outbox, and is there many times afterwards.
  process.kill(edge.otherPid, 'SIGSTOP')
  let acknowledged = 0
  publisher.onPacket((header) => {
    if (header >> 4 === PacketType.puback) acknowledged++
  })
  publisher.write(new PublishFrame(topic, 1, OUTBOX_PAYLOAD_BYTES - REST_BYTES).stamp(1, 1, 0))
  await until(() => acknowledged === 1)
  await edge.stop()
  await fillOutbox(edge.dir, messages)

  await edge.start()
  await begin()
  let received = 0
  let lastAt = performance.now()
  const reader = await edge.connect('reader', 1)
  await reader.subscribe(topic, 0)
  reader.onPacket((header) => {
    if (header >> 4 !== PacketType.publish) return
    received++
    lastAt = performance.now()
  })
  const from = performance.now()
  // The first messages may have gone before the reader has subscribed: all are gone when no more come.
  await until(() => performance.now() - lastAt > QUIET_MS)
  const seconds = Math.max(0, lastAt - from) / 1000
  return `${received} seen in ${seconds.toFixed(1)} s`
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + WAIT_MS_MAX
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not so within ${WAIT_MS_MAX / 1000} s: ${condition}`)
    await sleep(5)
  }
}
