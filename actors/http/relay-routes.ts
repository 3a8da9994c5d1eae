// What the core asks of an edge: deliver envelopes, note an interest, hand a home over.
import { type Context, Hono } from 'hono'
import type { z } from 'zod'
import {
  deviceAddress,
  leafAddress,
  uplinkShardAddress,
  WIDE_SHARDS,
  wideAddress,
  wideShard,
} from '../../src/id/actor-name.ts'
import { type ClientId, type FleetId, parseRegionId, type RegionId, type Root } from '../../src/id/ids.ts'
import { clientOfRoot } from '../../src/id/root.ts'
import { changedAccessRequestSchema } from '../../src/relay/access.ts'
import { homeCommandRequestSchema } from '../../src/relay/command.ts'
import { type DeliverRequest, deliverRequestSchema, type EnvelopeResult } from '../../src/relay/envelope.ts'
import { regionExplainRequestSchema } from '../../src/relay/explain.ts'
import { historySeamRequestSchema } from '../../src/relay/history.ts'
import {
  copyRequestSchema,
  handoverRequestSchema,
  homeKnownRequestSchema,
  releaseRequestSchema,
} from '../../src/relay/home.ts'
import {
  type DrainedResponse,
  drainedRequestSchema,
  homeInterestRequestSchema,
} from '../../src/relay/interest.ts'
import { homePresenceRequestSchema } from '../../src/relay/presence.ts'
import { invalid, problemResponse } from '../../src/relay/problem.ts'
import { inVersion, relayResponse, requestBody } from '../../src/relay/serve.ts'
import { homeSessionRequestSchema } from '../../src/relay/session-admin.ts'
import { homeShadowRequestSchema } from '../../src/relay/shadow.ts'
import { edgeParty, verifyRelay } from '../../src/relay/token.ts'
import type { RelayVersion } from '../../src/relay/version.ts'
import {
  regionRetainedRequestSchema,
  wideDrainedRequestSchema,
  wideRequestSchema,
} from '../../src/relay/wide.ts'
import type { DevicePeer } from '../device/device-peer.ts'
import type { LeafPeer } from '../leaf/leaf-peer.ts'
import type { UplinkPeer } from '../uplink/uplink-peer.ts'
import type { WidePeer } from '../wide/wide-peer.ts'
import type { EdgeBindings } from './edge.ts'
import { gatherRegion } from './region-facts.ts'

interface RelayEnv {
  Bindings: EdgeBindings
  Variables: { region: RegionId; version: RelayVersion }
}
type RelayContext = Context<RelayEnv>

function callLeaf<Answer>(
  c: RelayContext,
  fleet: FleetId,
  root: Root,
  call: (leaf: LeafPeer) => Promise<Answer>,
): Promise<Answer> {
  return c.env.edge.actors().call(leafAddress(c.var.region, fleet, root), call)
}

function callDevice<Answer>(
  c: RelayContext,
  fleet: FleetId,
  client: ClientId,
  call: (device: DevicePeer) => Promise<Answer>,
): Promise<Answer> {
  return c.env.edge.actors().call(deviceAddress(c.var.region, fleet, client), call)
}

function callWide<Answer>(
  c: RelayContext,
  fleet: FleetId,
  shard: number,
  call: (wide: WidePeer) => Promise<Answer>,
): Promise<Answer> {
  return c.env.edge.actors().call(wideAddress(c.var.region, fleet, shard), call)
}

export const relayRoutes = new Hono<RelayEnv>().basePath('/relay/:version')

relayRoutes.use(inVersion)

relayRoutes.use('/:region/*', async (c, next) => {
  const region = parseRegionId(c.req.param('region'))
  if (region === null || !c.env.edge.regions.includes(region)) {
    return problemResponse('region-not-served', 'This edge does not serve that region', { field: 'region' })
  }
  const caller = await verifyRelay(c.req.header('authorization'), c.env.edge.relaySecret, edgeParty(region))
  if (caller !== 'core')
    return problemResponse('unauthenticated', 'Only the core may call this, with a fresh token')
  c.set('region', region)
  return next()
})

/** A call of the core. A request that its schema refuses gets a 400. */
function call<S extends z.ZodType>(
  name: string,
  schema: S,
  serve: (c: RelayContext, request: z.infer<S>) => Promise<Response>,
): void {
  relayRoutes.post(`/:region/${name}`, async (c) => {
    // Copied: a view would carry the whole body with it to the actor.
    const read = await requestBody(c.req.raw, false)
    if ('problem' in read) return read.problem
    const parsed = schema.safeParse(read.body)
    return parsed.success ? serve(c, parsed.data) : invalid(parsed.error)
  })
}

/** A call that only a client's actor can answer. @param otherwise the error for the root of a topic */
function callOfClient<S extends z.ZodType<{ fleet: FleetId; root: Root }>>(
  name: string,
  schema: S,
  otherwise: string,
  serve: (device: DevicePeer, request: z.infer<S>) => Promise<object>,
): void {
  call(name, schema, async (c, request) => {
    const client = clientOfRoot(request.root)
    if (client === null) return problemResponse('invalid-request', otherwise, { field: 'root' })
    return answer(c, await callDevice(c, request.fleet, client, (device) => serve(device, request)))
  })
}

/** In the version of the request. */
function answer(c: RelayContext, body: object): Response {
  return relayResponse(c.var.version, body)
}

/** Proves that the edge is reachable and accepts the core's signature. */
relayRoutes.post('/:region/ping', (c) => c.body(null, 204))

call('envelopes', deliverRequestSchema, async (c, { envelopes }) => {
  const results = await Promise.all(
    envelopes.map(
      async ({ envelope, epoch }: DeliverRequest['envelopes'][number]): Promise<EnvelopeResult> => {
        try {
          const { fleet, root, to } = envelope
          return to.kind === 'wide'
            ? await callWide(c, fleet, wideShard(root), (wide) => wide.receive(envelope))
            : await callLeaf(c, fleet, root, (leaf) => leaf.receive(envelope, epoch))
        } catch (cause) {
          return { status: 'unreachable', detail: `the receiver failed: ${String(cause)}` }
        }
      },
    ),
  )
  return answer(c, { results })
})

call('interest', homeInterestRequestSchema, async (c, request) =>
  answer(c, await callLeaf(c, request.fleet, request.root, (leaf) => leaf.interest(request))),
)

callOfClient('presence', homePresenceRequestSchema, 'Not the root of a client', (device, { epoch }) =>
  device.presence(epoch),
)

callOfClient('session', homeSessionRequestSchema, 'Not the root of a client', (device, { verb, epoch }) =>
  device.session(verb, epoch),
)

callOfClient(
  'shadow',
  homeShadowRequestSchema,
  'Only devices have shadows',
  (device, { fleet: _, root: __, epoch, ...asked }) => device.shadow(asked, epoch),
)

callOfClient('command', homeCommandRequestSchema, 'Only devices can be called', (device, { epoch, asked }) =>
  device.command(asked, epoch),
)

call('history-seam', historySeamRequestSchema, async (c, { fleet, root, epoch }) =>
  answer(c, await callLeaf(c, fleet, root, (leaf) => leaf.historySeam(epoch))),
)

call('access', changedAccessRequestSchema, async (c, { fleet, client, access, clock }) => {
  await callDevice(c, fleet, client, (device) => device.accessChanged(access, clock))
  return c.body(null, 204)
})

call('explain', regionExplainRequestSchema, async (c, { fleet, ...asked }) =>
  answer(c, await gatherRegion(c.env.edge, c.var.region, fleet, asked)),
)

call('wide', wideRequestSchema, async (c, request) =>
  answer(c, await callWide(c, request.fleet, request.shard, (wide) => wide.learn(request))),
)

call('wide-drained', wideDrainedRequestSchema, async (c, { fleet, region }) => {
  const actors = c.env.edge.actors()
  // WideActors first: a message that a WideActor still holds is not in an uplink yet.
  await Promise.all(
    Array.from({ length: WIDE_SHARDS }, (_, shard) =>
      actors.call(wideAddress(c.var.region, fleet, shard), (wide: WidePeer) => wide.drained(region)),
    ),
  )
  await Promise.all(
    Array.from({ length: c.env.edge.uplinkShards }, (_, shard) =>
      actors.call(uplinkShardAddress(c.var.region, fleet, shard), (uplink: UplinkPeer) =>
        uplink.drainedWide(region),
      ),
    ),
  )
  return c.body(null, 204)
})

call('wide-retained', regionRetainedRequestSchema, async (c, { fleet, shard, filters, after }) => {
  const { records, next } = await callWide(c, fleet, shard, (wide) => wide.retained(filters, after))
  return answer(c, { records, clock: Date.now(), next })
})

call('drained', drainedRequestSchema, async (c, { fleet, root, region }) => {
  const home = await callLeaf(c, fleet, root, (leaf) => leaf.drained(region))
  return answer(c, { home } satisfies DrainedResponse)
})

call('home-known', homeKnownRequestSchema, async (c, { fleet, root, copied }) =>
  answer(c, await callLeaf(c, fleet, root, (leaf) => leaf.homeKnown(copied))),
)

call('copy', copyRequestSchema, async (c, request) =>
  answer(c, await callLeaf(c, request.fleet, request.root, (leaf) => leaf.copyState(request))),
)

call('handover', handoverRequestSchema, async (c, request) => {
  const given = await callLeaf(c, request.fleet, request.root, (leaf) => leaf.handover(request))
  return given === null ? problemResponse('newer-home', 'A newer home is known here') : answer(c, given)
})

call('release', releaseRequestSchema, async (c, request) =>
  answer(c, await callLeaf(c, request.fleet, request.root, (leaf) => leaf.release(request))),
)
