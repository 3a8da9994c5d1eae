// One of very many subscribers: prebuilt bytes over a WebSocket, a reader of three packets, and the numbers that it saw.
import { WebSocket } from 'ws'

const PUBACK = 0x40
const SUBSCRIBE = 0x82
const OPEN_MS = 60_000

export interface Seen {
  first: number
  last: number
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes])
}

function packet(header: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let rest = body.length
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>= 7
  } while (rest > 0)
  return Buffer.concat([Buffer.of(header, ...length), body])
}

/** 3.1.1, clean session, no keep alive. */
export function connectBytes(client: string, password: string): Buffer {
  const flags = 0xc2
  return packet(0x10, text('MQTT'), Buffer.of(4, flags, 0, 0), text(client), text('x'), text(password))
}

export function publishBytes(topic: string, id: number, payload: string): Buffer {
  return packet(0x32, text(topic), Buffer.of(id >> 8, id & 0xff), Buffer.from(payload))
}

export class StormClient {
  /** By publisher: its topic's last level. */
  readonly seen = new Map<string, Seen>()
  /** What is wrong with the order of what came. */
  readonly wrong: string[] = []
  received = 0
  /** How often a message came again. */
  repeats = 0
  closed = false
  private readonly socket: WebSocket
  private rest: Buffer = Buffer.alloc(0)
  private awaited: (() => void) | null = null
  private failed: ((cause: Error) => void) | null = null

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (chunk: Buffer) => this.read(chunk))
    socket.on('error', () => undefined)
    socket.on('close', (code) => {
      this.closed = true
      this.failed?.(new Error(`closed with ${code}`))
    })
  }

  static async connect(url: string, connect: Buffer): Promise<StormClient> {
    const socket = new WebSocket(url, ['mqtt'], { perMessageDeflate: false, handshakeTimeout: OPEN_MS })
    socket.binaryType = 'nodebuffer'
    const client = new StormClient(socket)
    await new Promise<void>((done, failed) => {
      socket.once('open', () => done())
      socket.once('error', failed)
    })
    await client.answered(connect)
    return client
  }

  /** Resolves in the moment in which SUBACK is read. */
  subscribe(filter: string): Promise<void> {
    return this.answered(packet(SUBSCRIBE, Buffer.of(0, 1), text(filter), Buffer.of(1)))
  }

  publish(topic: string, id: number, payload: string): Promise<void> {
    return this.answered(publishBytes(topic, id, payload))
  }

  drop(): void {
    this.socket.terminate()
  }

  private answered(bytes: Buffer): Promise<void> {
    return new Promise((done, failed) => {
      this.awaited = done
      this.failed = failed
      this.socket.send(bytes)
    })
  }

  private read(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    for (;;) {
      let length = 0
      let body = at + 1
      let more = true
      for (let shift = 0; more && body < bytes.length; shift += 7) {
        const byte = bytes[body++] ?? 0
        length |= (byte & 0x7f) << shift
        more = byte > 0x7f
      }
      if (more || body + length > bytes.length) break
      this.packet(bytes[at] ?? 0, bytes.subarray(body, body + length))
      at = body + length
    }
    this.rest = bytes.subarray(at)
  }

  private packet(header: number, body: Buffer): void {
    if (header >> 4 !== 3) {
      // The return code of CONNACK, the granted QoS of SUBACK; PUBACK has none.
      const refused = header === 0x20 ? body[1] !== 0 : header === 0x90 && body[2] !== 1
      if (refused) this.failed?.(new Error(`refused: ${body.toString('hex')}`))
      else this.awaited?.()
      return
    }
    const topicLength = body.readUInt16BE(0)
    const topic = body.toString('utf8', 2, 2 + topicLength)
    const id = 2 + topicLength
    this.took(topic.slice(topic.lastIndexOf('/') + 1), Number(body.toString('utf8', id + 2)))
    this.socket.send(Buffer.of(PUBACK, 2, body[id] ?? 0, body[id + 1] ?? 0))
  }

  private took(publisher: string, number: number): void {
    this.received++
    const seen = this.seen.get(publisher)
    if (seen === undefined) {
      this.seen.set(publisher, { first: number, last: number })
      return
    }
    // At QoS 1 a message may come again.
    if (number === seen.last) this.repeats++
    else if (number !== seen.last + 1) this.wrong.push(`${publisher}: ${number} after ${seen.last}`)
    seen.last = number
  }
}
