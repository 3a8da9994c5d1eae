// The few MQTT 3.1.1 packets that the load generator needs, each as a whole WebSocket frame, and a scanner of what
// comes back. Kept to the bone, so that the servers are measured and not this.

export const PacketType = { connack: 2, publish: 3, puback: 4, suback: 9, pingresp: 13 } as const

const BINARY_FRAME = 0x82
const MASKED = 0x80
const MASK_BYTES = 4

/**
 * Wraps a packet into one client frame. The masking key is zero: it masks nothing, and every server accepts it.
 * RFC 6455, section 5.2.
 */
function frame(packet: Buffer): Buffer {
  return Buffer.concat([frameHeader(packet.length), Buffer.alloc(MASK_BYTES), packet])
}

function frameHeader(length: number): Buffer {
  if (length < 126) return Buffer.from([BINARY_FRAME, MASKED | length])
  if (length <= 0xff_ff) return Buffer.from([BINARY_FRAME, MASKED | 126, length >> 8, length & 0xff])
  const header = Buffer.alloc(10)
  header.set([BINARY_FRAME, MASKED | 127])
  header.writeUInt32BE(length, 6)
  return header
}

function packet(header: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let rest = body.length
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>= 7
  } while (rest > 0)
  return Buffer.concat([Buffer.from([header, ...length]), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** Without keep alive: nothing but the messages under measure is on the wire. */
export function connectFrame(clientId: string, password: string | undefined, keepSession: boolean): Buffer {
  const credentials = password === undefined ? [] : [text('bench'), text(password)]
  const flags = (password === undefined ? 0 : 0xc0) | (keepSession ? 0 : 0x02)
  return frame(packet(0x10, text('MQTT'), Buffer.from([4, flags, 0, 0]), text(clientId), ...credentials))
}

export function subscribeFrame(filter: string, qos: 0 | 1): Buffer {
  return frame(packet(0x82, Buffer.from([0, 1]), text(filter), Buffer.from([qos])))
}

export const PINGREQ_FRAME = frame(Buffer.from([0xc0, 0]))

/** A CONNECT that announces `bytes`, and has all of them but the last. */
export function unfinishedConnectFrame(bytes: number): Buffer {
  const whole = packet(0x10, text('MQTT'), Buffer.from([5, 0, 0, 0]), Buffer.alloc(bytes))
  return frame(whole.subarray(0, -1))
}

const PUBACK_FRAME = frame(Buffer.from([0x40, 2, 0, 0]))

/** Overwritten by the next call. */
export function pubackFrame(packetId: number): Buffer {
  PUBACK_FRAME.writeUInt16BE(packetId, PUBACK_FRAME.length - 2)
  return PUBACK_FRAME
}

/** What the payload begins with: the message's number in its pair, and when it was sent (performance.now()). */
const STAMP_BYTES = 12
export const PAYLOAD_BYTES_MIN = STAMP_BYTES

/** A publisher's PUBLISH, encoded once; only the packet id and the stamp change from message to message. */
export class PublishFrame {
  readonly #frame: Buffer
  readonly #payloadAt: number
  readonly #qos: 0 | 1

  constructor(topic: string, qos: 0 | 1, payloadBytes: number) {
    const packetId = Buffer.alloc(qos === 0 ? 0 : 2)
    this.#qos = qos
    this.#frame = frame(packet(0x30 | (qos << 1), text(topic), packetId, Buffer.alloc(payloadBytes, 'x')))
    this.#payloadAt = this.#frame.length - payloadBytes
  }

  /** Overwritten by the next call. */
  stamp(packetId: number, sequence: number, sentAt: number): Buffer {
    if (this.#qos === 1) this.#frame.writeUInt16BE(packetId, this.#payloadAt - 2)
    this.#frame.writeUInt32LE(sequence, this.#payloadAt)
    this.#frame.writeDoubleLE(sentAt, this.#payloadAt + 4)
    return this.#frame
  }
}

/** Told of each packet: `bytes` from `start` to `end` are its body. */
export type PacketSink = (header: number, bytes: Buffer, start: number, end: number) => void

/** Cuts the content of frames into packets: a frame may hold many, and may end inside one. [MQTT-6.0.0-2] */
export class PacketScanner {
  readonly #sink: PacketSink
  #rest: Buffer | undefined

  constructor(sink: PacketSink) {
    this.#sink = sink
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = undefined
    let at = 0
    while (at < bytes.length) {
      let body = at + 1
      let length = 0
      let shift = 0
      let more = true
      while (more && body < bytes.length) {
        const byte = bytes[body++] ?? 0
        length |= (byte & 0x7f) << shift
        shift += 7
        more = byte > 0x7f
      }
      if (more || body + length > bytes.length) {
        this.#rest = bytes.subarray(at)
        return
      }
      this.#sink(bytes[at] ?? 0, bytes, body, body + length)
      at = body + length
    }
  }
}

export type Received = { packetId: number; sequence: number; sentAt: number }

/** Reads a PUBLISH that a PublishFrame made, into an object of the caller's: there are too many to make one each. */
export function readPublish(header: number, bytes: Buffer, start: number, into: Received): void {
  let at = start + 2 + bytes.readUInt16BE(start)
  into.packetId = 0
  if ((header & 0x06) !== 0) {
    into.packetId = bytes.readUInt16BE(at)
    at += 2
  }
  into.sequence = bytes.readUInt32LE(at)
  into.sentAt = bytes.readDoubleLE(at + 4)
}
