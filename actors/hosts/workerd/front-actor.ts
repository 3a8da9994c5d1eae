// FrontActor as workerd runs it.
import { DurableObject } from 'cloudflare:workers'
import { DEFAULT_FLEET, parseFleetId } from '../../../src/id/ids.ts'
import { CLOSE_PROTOCOL } from '../../device/connection/close-codes.ts'
import { Front } from '../../front/front.ts'
import type { FrontPeer } from '../../front/front-peer.ts'
import type { Connection } from '../../platform.ts'
import type { Env } from './env.ts'
import { upgrade } from './upgrade.ts'
import { WorkerdPlatform } from './workerd-platform.ts'

/** Which fleet a device's secret is of: nothing else says it. */
export const FLEET_HEADER = 'x-starling-fleet'

export class FrontActor extends DurableObject<Env> implements FrontPeer {
  private readonly platform: WorkerdPlatform
  private readonly front: Front

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.platform = new WorkerdPlatform(ctx, env, 'front')
    this.front = new Front(
      this.platform,
      this.platform.address.id,
      () => this.platform.connections()[0] ?? null,
    )
  }

  override fetch(request: Request): Response {
    const { response } = upgrade(this.ctx, request)
    this.front.opened(parseFleetId(request.headers.get(FLEET_HEADER) ?? '') ?? DEFAULT_FLEET)
    return response
  }

  override webSocketMessage(_socket: WebSocket, message: string | ArrayBuffer): Promise<void> | void {
    if (typeof message === 'string') return this.front.leave(CLOSE_PROTOCOL, 'only binary frames carry MQTT') // [MQTT-6.0.0-1]
    return this.front.frame(new Uint8Array(message))
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.platform.connection(socket).close(1000, '')
    await this.front.closed()
  }

  override webSocketError(): Promise<void> {
    return this.front.closed()
  }

  async send(frame: Uint8Array): Promise<void> {
    this.open().send(frame)
  }

  async close(code: number, reason: string): Promise<void> {
    this.open().close(code, reason)
  }

  /** Throws where the client has gone, so that the device learns it. */
  private open(): Connection {
    const connection = this.platform.connections()[0]
    if (connection === undefined) throw new Error('the client is gone')
    return connection
  }
}
