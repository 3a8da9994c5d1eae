// The subscriber behind an event stream: it speaks MQTT 5.0 to a DeviceActor of its own, over a connection inside the host. So the
// actor hibernates while no message comes, and all promises to subscribers hold. QoS 0: no publisher waits for a browser.
import { deviceAddress } from '../../src/id/actor-name.ts'
import { type FleetId, type RegionId, streamClient } from '../../src/id/ids.ts'
import { BytesReader } from '../../src/mqtt/bytes-reader.ts'
import { BytesWriter, stringBytes, varintBytes } from '../../src/mqtt/bytes-writer.ts'
import { decodePublish } from '../../src/mqtt/decode-publish.ts'
import type { Message } from '../../src/mqtt/message.ts'
import { PacketType } from '../../src/mqtt/packet-type.ts'
import { isFailure, Reason } from '../../src/mqtt/reason.ts'
import type { Edge } from './edge.ts'

/** Clean start, keep alive 600 s, no properties, and the client id is the actor's. */
const CONNECT = Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 0x02, 0x02, 0x58, 0, 0, 0)
/** The actor's keep alive ends the subscriptions if this host dies. */
const PING_EVERY_MS = 300_000
/** And after so much that came. */
const PING_EVERY_BYTES = 8 * 1024 * 1024
const PINGREQ = Uint8Array.of(PacketType.Pingreq << 4, 0)
const NO_RETAINED = 0x20

export interface Wanted {
  readonly fleet: FleetId
  readonly region: RegionId
  readonly name: string
  readonly filters: readonly string[]
  readonly retained: boolean
}

export interface SubscriberEvents {
  message(message: Message): void
  /** The connection is closed, and with it the subscriptions. */
  ended(): void
}

export interface EventSubscriber {
  /** Resolves with the first failure code of SUBACK, or with null if all filters are granted. */
  readonly refused: Promise<number | null>
  close(): void
}

/** @param events called from before SUBACK on */
export async function subscribeAs(
  edge: Edge,
  wanted: Wanted,
  events: SubscriberEvents,
): Promise<EventSubscriber> {
  const { region, fleet, name } = wanted
  let settle: (reason: number | null) => void = () => undefined
  const refused = new Promise<number | null>((done) => {
    settle = done
  })
  let unanswered = 0
  let ping: ReturnType<typeof setInterval> | null = null
  const stopPings = () => {
    if (ping !== null) clearInterval(ping)
  }
  const upgrade = { token: 'local', secret: null, fleet } as const
  const socket = await edge.open(deviceAddress(region, fleet, streamClient(name)), upgrade, {
    frame: (frame) => {
      // The actor bounds what it sends without a sign that it is read.
      unanswered += frame.length
      if (unanswered > PING_EVERY_BYTES) {
        unanswered = 0
        socket.send(PINGREQ)
      }
      for (const { header, body } of packets(frame)) {
        const type = header >> 4
        if (type === PacketType.Publish) events.message(decodePublish(5, header, body, Date.now()).message)
        else if (type === PacketType.Connack && isFailure(body[1] ?? 0)) settle(body[1] ?? 0)
        else if (type === PacketType.Suback) settle(subackRefusal(body))
      }
    },
    ended: () => {
      stopPings()
      settle(Reason.ServerUnavailable)
      events.ended()
    },
  })
  ping = setInterval(() => socket.send(PINGREQ), PING_EVERY_MS)
  socket.send(CONNECT)
  socket.send(subscribePacket(wanted))
  return {
    refused,
    close: () => {
      stopPings()
      socket.close()
    },
  }
}

/** Frames from an actor hold whole packets. */
function* packets(frame: Uint8Array): Iterable<{ readonly header: number; readonly body: Uint8Array }> {
  const reader = new BytesReader(frame)
  while (reader.at < reader.end) {
    const header = reader.u8()
    const length = reader.varint()
    yield { header, body: reader.view(reader.at, reader.at + length) }
    reader.at += length
  }
}

function subackRefusal(body: Uint8Array): number | null {
  const reader = new BytesReader(body)
  reader.u16()
  reader.at = reader.blockEnd()
  return [...reader.rest()].find((reason) => isFailure(reason)) ?? null
}

function subscribePacket({ filters, retained }: Wanted): Uint8Array {
  const bytes = 3 + filters.reduce((sum, filter) => sum + stringBytes(filter) + 1, 0)
  const writer = new BytesWriter(1 + varintBytes(bytes) + bytes)
  writer.u8((PacketType.Subscribe << 4) | 0x02)
  writer.varint(bytes)
  writer.u16(1)
  writer.u8(0)
  for (const filter of filters) {
    writer.string(filter)
    writer.u8(retained ? 0 : NO_RETAINED)
  }
  return writer.finish()
}
