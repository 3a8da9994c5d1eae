// The actor that holds the socket of a client whose URL is only `/mqtt`, as hosts run it.
import type { SocketActor, Upgrade } from '../actor.ts'
import { CLOSE_PROTOCOL } from '../close-codes.ts'
import type { Connection, Platform } from '../platform.ts'
import { Front } from './front.ts'
import type { FrontPeer } from './front-peer.ts'

export class FrontActor implements FrontPeer, SocketActor {
  private readonly platform: Platform
  private readonly front: Front

  constructor(platform: Platform) {
    this.platform = platform
    this.front = new Front(platform, platform.address.id, () => platform.connections()[0] ?? null)
  }

  opened(_: Connection, { fleet }: Upgrade): void {
    this.front.opened(fleet)
  }

  frame(_: Connection, frame: Uint8Array): Promise<void> {
    return this.front.frame(frame)
  }

  textFrame(): void {
    this.front.leave(CLOSE_PROTOCOL, 'only binary frames carry MQTT') // [MQTT-6.0.0-1]
  }

  closed(): Promise<void> {
    return this.front.closed()
  }

  /** A FrontActor sets no alarm. */
  async alarm(): Promise<void> {}

  async send(frame: Uint8Array): Promise<void> {
    this.open().send(frame)
  }

  async close(code: number, reason: string): Promise<void> {
    this.open().close(code, reason)
  }

  /** Throws if the client has left, so that its DeviceActor ends the connection. */
  private open(): Connection {
    const [connection] = this.platform.connections()
    if (connection === undefined) throw new Error('the client has left')
    return connection
  }
}
