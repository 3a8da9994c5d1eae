// One link of the network between an edge and the cores: a TCP proxy that can be cut, can swallow, and can be slow.
import { once } from 'node:events'
import net from 'node:net'

const HOST = '127.0.0.1'

export type LinkState =
  | { readonly kind: 'up' }
  /** What is open is reset, and so is what comes. */
  | { readonly kind: 'cut' }
  /** Connections are accepted and nothing is passed on; what waits goes on when it is up again. */
  | { readonly kind: 'blackhole' }
  | { readonly kind: 'delay'; readonly ms: number }

/** Where a new connection goes; asked for each, as a load balancer does. Null: nowhere now. */
export type Target = () => number | null

interface Pair {
  readonly near: net.Socket
  readonly far: net.Socket
}

export class Link {
  readonly name: string
  port = 0
  readonly #target: Target
  readonly #server: net.Server
  readonly #pairs = new Set<Pair>()
  #state: LinkState = { kind: 'up' }

  constructor(name: string, target: Target) {
    this.name = name
    this.#target = target
    this.#server = net.createServer({ pauseOnConnect: true }, (near) => this.#accept(near))
  }

  async listen(): Promise<void> {
    this.#server.listen(0, HOST)
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('a TCP server without a port')
    this.port = address.port
  }

  get url(): string {
    return `http://${HOST}:${this.port}`
  }

  become(state: LinkState): void {
    this.#state = state
    if (state.kind === 'cut') this.reset()
    for (const pair of this.#pairs) this.#steer(pair)
  }

  close(): void {
    this.reset()
    this.#server.close()
  }

  reset(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    this.#pairs.clear()
  }

  #accept(near: net.Socket): void {
    near.on('error', () => undefined)
    const port = this.#target()
    if (this.#state.kind === 'cut' || port === null) {
      near.resetAndDestroy()
      return
    }
    const far = net.connect({ host: HOST, port, noDelay: true })
    near.setNoDelay(true)
    const pair: Pair = { near, far }
    this.#pairs.add(pair)
    this.#pass(near, far)
    this.#pass(far, near)
    const end = () => {
      this.#pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    near.once('close', end)
    far.once('close', end)
    far.on('error', () => near.resetAndDestroy())
    this.#steer(pair)
  }

  #steer({ near, far }: Pair): void {
    for (const socket of [near, far]) {
      if (this.#state.kind === 'blackhole') socket.pause()
      else socket.resume()
    }
  }

  /** In order also where the delay changes: nothing is passed on before what came before it. */
  #pass(from: net.Socket, to: net.Socket): void {
    let notBefore = 0
    const later = (act: () => void) => {
      const wait = this.#state.kind === 'delay' ? this.#state.ms : 0
      notBefore = Math.max(notBefore, performance.now() + wait)
      const left = notBefore - performance.now()
      if (left < 1) act()
      else setTimeout(act, left)
    }
    from.on('data', (bytes) =>
      later(() => {
        if (!to.destroyed) to.write(bytes)
      }),
    )
    from.on('end', () => later(() => to.end()))
  }
}
