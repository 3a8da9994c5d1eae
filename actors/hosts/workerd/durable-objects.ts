// The classes that wrangler binds: each is an actor of one kind on a Durable Object.
import { DurableObject } from 'cloudflare:workers'
import type { ActorKind } from '../../../src/id/actor-name.ts'
import type { SocketActor } from '../../actor.ts'
import { type ActorOf, METHODS, makeActor } from '../../kinds.ts'
import type { Env } from './env.ts'
import { acceptUpgrade, upgradeOf } from './upgrade.ts'
import { WorkerdPlatform } from './workerd-platform.ts'

type Calls = Record<string, (...parameters: unknown[]) => unknown>

/** A Durable Object around actors of one kind. workerd's RPC finds methods on the class only, so they are defined there. */
function objectOf<Kind extends ActorKind>(kind: Kind) {
  class ActorObject extends DurableObject<Env> {
    protected readonly platform: WorkerdPlatform
    protected readonly actor: ActorOf<Kind>

    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, env)
      this.platform = new WorkerdPlatform(ctx, env, kind)
      this.actor = makeActor(kind, this.platform)
    }

    override async alarm(): Promise<void> {
      this.platform.alarmWent()
      await this.actor.alarm()
      await this.platform.settled()
    }
  }
  for (const method of METHODS[kind]) {
    Object.defineProperty(ActorObject.prototype, method, {
      value(this: ActorObject, ...parameters: unknown[]) {
        return (this.actor as unknown as Calls)[method]?.(...parameters)
      },
    })
  }
  return ActorObject
}

/** The same for actors that hold sockets. */
function socketObjectOf<Kind extends 'device' | 'front'>(kind: Kind) {
  return class extends objectOf(kind) {
    private get events(): SocketActor {
      return this.actor
    }

    override fetch(request: Request): Response {
      const { response, socket } = acceptUpgrade(this.ctx, request)
      this.events.opened(this.platform.connection(socket), upgradeOf(request))
      return response
    }

    override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | void {
      const connection = this.platform.connection(socket)
      return typeof message === 'string'
        ? this.events.textFrame(connection)
        : this.events.frame(connection, new Uint8Array(message))
    }

    override async webSocketClose(socket: WebSocket): Promise<void> {
      const connection = this.platform.connection(socket)
      const closed = this.events.closed(connection)
      connection.close(1000, '')
      await closed
    }

    override async webSocketError(socket: WebSocket): Promise<void> {
      await this.events.closed(this.platform.connection(socket))
    }
  }
}

export class DeviceActor extends socketObjectOf('device') {}
export class FrontActor extends socketObjectOf('front') {}
export class TopicActor extends objectOf('topic') {}
export class UplinkActor extends objectOf('uplink') {}
export class WideActor extends objectOf('wide') {}
