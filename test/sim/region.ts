// A region: its actors, and the Worker's routes for the core, as actors/http/relay-routes.ts has them.
import type { z } from 'zod'
import type { LeafPeer } from '../../actors/leaf/leaf-peer.ts'
import type { UplinkPeer } from '../../actors/uplink/uplink-peer.ts'
import type { WidePeer } from '../../actors/wide/wide-peer.ts'
import {
  type ActorAddress,
  actorName,
  leafAddress,
  uplinkShardAddress,
  WIDE_SHARDS,
  wideAddress,
  wideShard,
} from '../../src/id/actor-name.ts'
import type { FleetId, RegionId, Root } from '../../src/id/ids.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { deliverRequestSchema } from '../../src/relay/envelope.ts'
import { historySeamRequestSchema } from '../../src/relay/history.ts'
import {
  copyRequestSchema,
  handoverRequestSchema,
  homeKnownRequestSchema,
  releaseRequestSchema,
} from '../../src/relay/home.ts'
import { drainedRequestSchema, homeInterestRequestSchema } from '../../src/relay/interest.ts'
import { RELAY_VERSION_CURRENT, RELAY_VERSION_MIN, type RelayVersion } from '../../src/relay/version.ts'
import {
  regionRetainedRequestSchema,
  wideDrainedRequestSchema,
  wideRequestSchema,
} from '../../src/relay/wide.ts'
import { Subrequests } from '../actors/platform-limits.ts'
import { SimActor } from './actor.ts'
import { AnsweredError, type HttpServer } from './http.ts'
import { checkPage } from './page-check.ts'
import { namespaces, stubCache, UPLINK_SHARDS } from './peers.ts'
import type { Place, Task } from './scheduler.ts'
import type { Sender } from './sender.ts'
import type { World } from './world.ts'

export class SimRegion implements Place {
  readonly around = null
  readonly world: World
  readonly id: RegionId
  /** Every second region's edge is of the release before. */
  readonly version: RelayVersion
  /** How far its clock is ahead of the world's, ms. */
  readonly clockAheadMs: number
  readonly actors = new Map<string, SimActor>()
  frozen = false
  readonly held: Task[] = []
  up = true
  /** No network between this region and the core. */
  cut = false
  /** Its actors end at a write. */
  diskFull = false
  private readonly requests = new Map<WorkerRequest, (cause: Error) => void>()

  constructor(world: World, id: RegionId) {
    this.world = world
    this.id = id
    this.clockAheadMs = world.clockAheadMs()
    this.version = world.regions.size % 2 === 0 ? RELAY_VERSION_CURRENT : RELAY_VERSION_MIN
  }

  now(): number {
    return this.world.now + this.clockAheadMs
  }

  actor(address: ActorAddress): SimActor {
    const key = `${address.kind} ${actorName(address)}`
    let actor = this.actors.get(key)
    if (actor === undefined) {
      actor = new SimActor(this, address)
      this.actors.set(key, actor)
    }
    return actor
  }

  /** The process of the region dies, with all of its actors. */
  die(): void {
    this.world.note(`${this.id} dies`)
    this.up = false
    for (const [one, reset] of this.requests) {
      one.over = true
      reset(new Error('connection reset'))
    }
    this.requests.clear()
    for (const actor of this.actors.values()) actor.die(`${this.id} died`)
  }

  start(): void {
    if (this.up) return
    this.world.note(`${this.id} is back`)
    this.up = true
    for (const actor of this.actors.values()) actor.planAlarm()
  }

  server(name: string): HttpServer {
    return {
      place: this,
      version: this.version,
      cut: () => this.cut,
      serve: (body, respond, reset) => {
        if (!this.up) return reset(new Error('connection refused'))
        const one = new WorkerRequest(this)
        this.requests.set(one, reset)
        one.serve(name, body).then(
          (answer) => {
            if (this.requests.delete(one)) respond(answer)
          },
          (cause) => {
            if (this.requests.delete(one)) reset(new AnsweredError(String(cause)))
          },
        )
      },
    }
  }
}

/** A request in the Worker: it has stubs of its own. */
class WorkerRequest implements Sender {
  readonly world: World
  readonly around: Place
  over = false
  frozen = false
  readonly held: Task[] = []
  readonly pending = new Set<object>()
  readonly subrequests = new Subrequests()
  private readonly region: SimRegion

  constructor(region: SimRegion) {
    this.region = region
    this.around = region
    this.world = region.world
  }

  send(go: () => void): void {
    if (!this.over) go()
  }

  enter(act: () => void): void {
    if (!this.over) act()
  }

  async serve(name: string, body: unknown): Promise<unknown> {
    switch (name) {
      case 'ping':
        return null
      case 'envelopes': {
        const { envelopes } = this.parse(deliverRequestSchema, body)
        if (this.world.mayFill)
          for (const { envelope } of envelopes)
            for (const routed of unpackBatch(envelope.records)) this.world.history.sent(routed)
        const results = await Promise.all(
          envelopes.map(async ({ envelope, epoch }) => {
            try {
              const { fleet, root, to } = envelope
              return await (to.kind === 'wide'
                ? this.wide(fleet, wideShard(root), (wide) => wide.receive(envelope))
                : this.leaf(fleet, root, (leaf) => leaf.receive(envelope, epoch)))
            } catch (cause) {
              return { status: 'unreachable', detail: `the leaf failed: ${String(cause)}` }
            }
          }),
        )
        return { results }
      }
      case 'interest': {
        const given = this.parse(homeInterestRequestSchema, body)
        return this.leaf(given.fleet, given.root, (leaf) => leaf.interest(given))
      }
      case 'drained': {
        const { fleet, root, region } = this.parse(drainedRequestSchema, body)
        return { home: await this.leaf(fleet, root, (leaf) => leaf.drained(region)) }
      }
      case 'home-known': {
        const { fleet, root, copied } = this.parse(homeKnownRequestSchema, body)
        return this.leaf(fleet, root, (leaf) => leaf.homeKnown(copied))
      }
      case 'copy': {
        const given = this.parse(copyRequestSchema, body)
        const answer = await this.leaf(given.fleet, given.root, (leaf) => leaf.copyState(given))
        if (answer.status === 'done') checkPage(this.world, answer.state)
        return answer
      }
      case 'handover': {
        const given = this.parse(handoverRequestSchema, body)
        const answer = await this.leaf(given.fleet, given.root, (leaf) => leaf.handover(given))
        if (answer === null) throw new Error('409: a newer home is known here')
        if (answer.state !== null && answer.page !== undefined) checkPage(this.world, answer.state)
        return answer
      }
      case 'release': {
        const given = this.parse(releaseRequestSchema, body)
        return this.leaf(given.fleet, given.root, (leaf) => leaf.release(given))
      }
      case 'history-seam': {
        const { fleet, root, epoch } = this.parse(historySeamRequestSchema, body)
        return this.leaf(fleet, root, (leaf) => leaf.historySeam(epoch))
      }
      case 'wide': {
        const given = this.parse(wideRequestSchema, body)
        return this.wide(given.fleet, given.shard, (wide) => wide.learn(given))
      }
      case 'wide-drained': {
        const { fleet, region } = this.parse(wideDrainedRequestSchema, body)
        for (let shard = 0; shard < WIDE_SHARDS; shard++)
          await this.wide(fleet, shard, (wide) => wide.drained(region))
        for (let shard = 0; shard < Number(UPLINK_SHARDS); shard++)
          await this.call<UplinkPeer, void>(uplinkShardAddress(this.region.id, fleet, shard), (uplink) =>
            uplink.drainedWide(region),
          )
        return null
      }
      case 'wide-retained': {
        const { fleet, shard, filters, after } = this.parse(regionRetainedRequestSchema, body)
        const { records, next } = await this.wide(fleet, shard, (wide) => wide.retained(filters, after))
        return { records: records, clock: this.region.now(), next }
      }
      default:
        throw new Error(`the edge has no ${name}`)
    }
  }

  private leaf<T>(fleet: FleetId, root: Root, call: (leaf: LeafPeer) => Promise<T>): Promise<T> {
    return this.call(leafAddress(this.region.id, fleet, root), call)
  }

  private wide<T>(fleet: FleetId, shard: number, call: (wide: WidePeer) => Promise<T>): Promise<T> {
    return this.call(wideAddress(this.region.id, fleet, shard), call)
  }

  private call<Peer, T>(address: ActorAddress, call: (peer: Peer) => Promise<T>): Promise<T> {
    const stubs = stubCache(namespaces(this.region, this))
    return stubs.call<Peer>(address, call) as Promise<T>
  }

  private parse<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
    const parsed = schema.safeParse(body)
    if (parsed.success) return parsed.data
    this.world.breach('contract', `a request to ${this.region.id}: ${parsed.error.message}`)
    throw parsed.error
  }
}
