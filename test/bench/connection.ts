// One MQTT connection of the load generator. ws makes the handshake and reads the frames; what is sent goes straight
// to the socket, a write for each frame, as many separate devices would send them. (Gathering a turn's frames into one
// write costs less here, and halves what mosquitto does with QoS 1.)
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import WebSocket from 'ws'
import {
  connectFrame,
  PacketScanner,
  type PacketSink,
  PacketType,
  PINGREQ_FRAME,
  subscribeFrame,
} from './packets.ts'

const ANSWER_WAIT_MS = 20_000

export type Login = {
  readonly url: string
  readonly clientId: string
  readonly password: string | undefined
  /** Clean Session 0: the session outlives the connection, and with it what was not acknowledged. */
  readonly keepSession: boolean
}

export class Connection {
  readonly #socket: Socket
  readonly #ws: WebSocket
  readonly #clientId: string
  #sink: PacketSink
  #ended = false
  /** Why the connection is gone, if it went by itself. */
  lost: string | undefined

  /** Resolves when CONNACK has come. */
  static async open(login: Login): Promise<Connection> {
    const { hostname, port } = new URL(login.url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    const ws = new WebSocket(login.url, 'mqtt', { createConnection: () => socket, perMessageDeflate: false })
    const connection = new Connection(socket, ws, login.clientId)
    await connection.#answered(new Promise<void>((opened) => ws.once('open', opened)), 'the upgrade')
    const code = await connection.#ask(
      connectFrame(login.clientId, login.password, login.keepSession),
      PacketType.connack,
      'CONNECT',
    )
    if (code !== 0) throw new Error(`${login.clientId}: CONNECT was refused with ${code}`)
    return connection
  }

  private constructor(socket: Socket, ws: WebSocket, clientId: string) {
    this.#socket = socket
    this.#ws = ws
    this.#clientId = clientId
    this.#sink = () => undefined
    const scanner = new PacketScanner((header, bytes, start, end) => this.#sink(header, bytes, start, end))
    ws.on('message', (chunk: Buffer) => scanner.push(chunk))
    ws.on('error', (error) => this.#lose(error.message))
    ws.on('close', (code, reason) => this.#lose(`closed with ${code} ${reason}`.trim()))
  }

  async subscribe(filter: string, qos: 0 | 1): Promise<void> {
    const code = await this.#ask(subscribeFrame(filter, qos), PacketType.suback, 'SUBSCRIBE')
    if (code !== qos) throw new Error(`${this.#clientId}: SUBSCRIBE to ${filter} was answered with ${code}`)
  }

  /** PINGREQ and its answer: the server has read what was sent before. Takes the place of the sink. */
  async ping(): Promise<void> {
    await this.#ask(PINGREQ_FRAME, PacketType.pingresp, 'PINGREQ')
  }

  /** Reads nothing more from the socket. */
  stall(): void {
    this.#socket.pause()
  }

  /** Bytes that wait in this process. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  /** From now on `sink` is told of each packet. */
  onPacket(sink: PacketSink): void {
    this.#sink = sink
  }

  write(frame: Buffer): void {
    // A copy, as the socket may keep it for later, and the frame's next user will overwrite it.
    if (this.lost === undefined) this.#socket.write(Buffer.from(frame))
  }

  end(): void {
    this.#ended = true
    this.#ws.terminate()
  }

  #lose(why: string): void {
    if (!this.#ended) this.lost ??= `${this.#clientId}: ${why}`
  }

  /** The last byte of the answer: CONNACK's and SUBACK's code. */
  #ask(frame: Buffer, answer: number, name: string): Promise<number> {
    const answered = new Promise<number>((resolve) => {
      this.#sink = (header, bytes, _start, end) => {
        if (header >> 4 === answer) resolve(bytes[end - 1] ?? -1)
      }
    })
    this.write(frame)
    return this.#answered(answered, name)
  }

  async #answered<T>(answer: Promise<T>, name: string): Promise<T> {
    const over = new AbortController()
    try {
      return await Promise.race([answer, this.#fail(name, over.signal)])
    } finally {
      over.abort()
    }
  }

  async #fail(name: string, over: AbortSignal): Promise<never> {
    const deadline = performance.now() + ANSWER_WAIT_MS
    while (this.lost === undefined && performance.now() < deadline && !over.aborted) await sleep(20)
    throw new Error(this.lost ?? `${this.#clientId}: no answer to ${name} in ${ANSWER_WAIT_MS / 1000} s`)
  }
}
