// The body of a response with server-sent events: the backlog of a slow reader is bounded, and dropped events are counted.
import {
  EVENTS_AHEAD_BYTES,
  EVENTS_HEARTBEAT_MS,
  EVENTS_WAITING_BYTES_MAX,
  EVENTS_WAITING_MAX,
} from '../limits.ts'

/** The longest delay of a timer. */
const TIMER_MS_MAX = 2 ** 31 - 1
/** How long a browser waits before it opens the stream again. */
const RECONNECT_MS = 2_000

const encoder = new TextEncoder()

export class EventStream {
  readonly body: ReadableStream<Uint8Array>
  private readonly name: string
  private readonly closed: () => void
  private readonly heartbeat: ReturnType<typeof setInterval>
  private readonly expiresAt: number
  private expiry: ReturnType<typeof setTimeout> | null = null
  private controller: ReadableStreamDefaultController<Uint8Array> | null = null
  private waiting: Uint8Array[] = []
  private waitingBytes = 0
  private dropped = 0
  private last = 0
  private over = false

  /**
   * @param name of the stream, in its events' ids
   * @param expiresAt of the token, ms
   * @param closed called once when the stream has no reader any more
   */
  constructor(name: string, expiresAt: number, closed: () => void) {
    this.name = name
    this.expiresAt = expiresAt
    this.closed = closed
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller
        },
        pull: () => this.drain(),
        cancel: () => this.stop(),
      },
      { highWaterMark: EVENTS_AHEAD_BYTES, size: (chunk?: Uint8Array) => chunk?.byteLength ?? 0 },
    )
    this.write(`retry: ${RECONNECT_MS}\n: ${name}\n\n`)
    this.heartbeat = setInterval(() => {
      // A reader with a backlog gets bytes anyway, or takes none.
      if (this.waiting.length === 0 && this.dropped === 0) this.write(':\n\n')
    }, EVENTS_HEARTBEAT_MS)
    this.awaitExpiry()
  }

  /** @param type absent for a message */
  event(content: object, type?: string): void {
    this.write(this.encode(content, type))
  }

  end(reason: 'token-expired' | 'disconnected'): void {
    if (this.over) return
    // Enqueue the whole backlog: a slow reader would else miss the `end` event.
    for (const bytes of this.waiting) this.controller?.enqueue(bytes)
    this.controller?.enqueue(encoder.encode(this.encode({ reason }, 'end')))
    this.stop()
    this.controller?.close()
  }

  get ended(): boolean {
    return this.over
  }

  stop(): void {
    if (this.over) return
    this.over = true
    clearInterval(this.heartbeat)
    if (this.expiry !== null) clearTimeout(this.expiry)
    this.waiting = []
    this.closed()
  }

  private write(text: string): void {
    if (this.over) return
    const bytes = encoder.encode(text)
    if (
      this.dropped > 0 ||
      this.waiting.length >= EVENTS_WAITING_MAX ||
      this.waitingBytes + bytes.length > EVENTS_WAITING_BYTES_MAX
    ) {
      this.dropped++
      return
    }
    this.waiting.push(bytes)
    this.waitingBytes += bytes.length
    this.drain()
  }

  private encode(content: object, type?: string): string {
    const named = type === undefined ? '' : `event: ${type}\n`
    // JSON has no line ends, so one line of data is enough.
    return `${named}id: ${this.name}-${++this.last}\ndata: ${JSON.stringify(content)}\n\n`
  }

  private drain(): void {
    const { controller } = this
    if (controller === null || this.over) return
    while (this.waiting.length > 0 && (controller.desiredSize ?? 0) > 0) {
      const bytes = this.waiting.shift() as Uint8Array
      this.waitingBytes -= bytes.length
      controller.enqueue(bytes)
    }
    if (this.dropped === 0 || this.waiting.length > 0) return
    const count = this.dropped
    this.dropped = 0
    this.event({ count }, 'dropped')
  }

  private awaitExpiry(): void {
    const left = this.expiresAt - Date.now()
    if (left <= 0) this.end('token-expired')
    else this.expiry = setTimeout(() => this.awaitExpiry(), Math.min(left, TIMER_MS_MAX))
  }
}
