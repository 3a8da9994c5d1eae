// A client's WebSocket: frames in order both ways, until either end closes it or a process dies.

import type { Attachment } from '../../actors/device/connection/attachment.ts'
import type { Connection } from '../../actors/platform.ts'
import { attachmentBytes } from '../actors/fake-connection.ts'
import type { SimActor } from './actor.ts'
import { copy } from './copy.ts'

/** The client's end. */
export interface ClientEnd {
  frame(bytes: Uint8Array): void
  closed(): void
}

export class SimSocket implements Connection {
  readonly actor: SimActor
  /** At the server's end. */
  open = true
  /** Nothing passes any more, and neither end has been told. */
  cut = false
  private kept: unknown = null
  private readonly end: ClientEnd
  private toClientAt = 0
  private toServerAt = 0

  constructor(actor: SimActor, end: ClientEnd) {
    this.actor = actor
    this.end = end
  }

  /** The server takes a client of this connection for connected. */
  get live(): boolean {
    return this.open && (this.kept as Attachment | null)?.phase === 'live'
  }

  // The actor's side --------------------------------------------------------------------------------------------------

  send(frame: Uint8Array): void {
    if (!this.open) return
    const bytes = frame.slice()
    this.actor.life?.send(() => this.toClient(() => this.end.frame(bytes)))
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.actor.life?.send(() => {
      this.actor.sockets.delete(this)
      this.toClient(() => {
        this.end.closed()
        this.toServer(() => this.tellClosed())
      })
    })
  }

  attachment(): unknown {
    return copy(this.kept)
  }

  attach(attachment: unknown): void {
    // Throws on one that is too large for workerd.
    attachmentBytes(attachment)
    this.kept = copy(attachment)
  }

  /** The process at the server's end is gone. */
  die(): void {
    this.open = false
    this.actor.sockets.delete(this)
    this.toClient(() => this.end.closed())
  }

  // The client's side -------------------------------------------------------------------------------------------------

  /** The upgrade. */
  connect(): void {
    this.toServer(() => {
      if (!this.actor.region.up) return this.refused()
      this.actor.sockets.add(this)
      const life = this.actor.awake()
      life.begin(() => life.sockets.opened(this, { token: 'local', secret: null, fleet: life.fleet }))
    })
  }

  /** From the client. */
  write(frame: Uint8Array): void {
    this.toServer(() => {
      if (!this.open || !this.actor.region.up) return
      const life = this.actor.awake()
      life.begin(() => {
        life.sockets.frame(this, frame).catch((cause) => {
          life.report('a frame failed', cause)
          life.world.breach('error', `a frame failed: ${String((cause as Error).stack)}`)
        })
      })
    })
  }

  /** The client closes, or its network is lost; the server learns it after a while. */
  hangUp(lostForMs: number): void {
    if (lostForMs > 0) this.cut = true
    const { scheduler } = this.actor.world
    this.toServerAt = Math.max(this.toServerAt, scheduler.exact + lostForMs)
    this.toServer(() => this.tellClosed(), true)
  }

  private tellClosed(): void {
    if (!this.actor.region.up) return
    const wasOpen = this.open
    // workerd tells of a close by the server too, once the client has answered it.
    const life = this.actor.awake()
    life.begin(() => life.sockets.closed(this))
    if (wasOpen) {
      this.open = false
      this.actor.sockets.delete(this)
    }
  }

  private refused(): void {
    this.open = false
    this.toClient(() => this.end.closed())
  }

  private toClient(go: () => void): void {
    const { world } = this.actor
    this.toClientAt = Math.max(this.toClientAt, world.scheduler.exact + world.clientDelay())
    world.scheduler.at(this.toClientAt, null, () => {
      if (!this.cut) go()
    })
  }

  private toServer(go: () => void, evenCut = false): void {
    const { world } = this.actor
    this.toServerAt = Math.max(this.toServerAt, world.scheduler.exact + world.clientDelay())
    world.scheduler.at(this.toServerAt, this.actor, () => {
      if (evenCut || !this.cut) go()
    })
  }
}
