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
import { bytesToBase64 } from '../../src/relay/base64.ts'
import { homeCommandRequestSchema } from '../../src/relay/command.ts'
import { type DeliverRequest, deliverRequestSchema, type EnvelopeResult } from '../../src/relay/envelope.ts'
import { regionExplainRequestSchema } from '../../src/relay/explain.ts'
import { historySeamRequestSchema } from '../../src/relay/history.ts'
import { handoverRequestSchema, releaseRequestSchema } from '../../src/relay/home.ts'
import { drainedRequestSchema, homeInterestRequestSchema } from '../../src/relay/interest.ts'
import { homePresenceRequestSchema } from '../../src/relay/presence.ts'
import { invalid, problemResponse } from '../../src/relay/problem.ts'
import { homeShadowRequestSchema } from '../../src/relay/shadow.ts'
import { edgeParty, verifyRelay } from '../../src/relay/token.ts'
import { RELAY_PATH } from '../../src/relay/version.ts'
import {
  regionRetainedRequestSchema,
  wideDrainedRequestSchema,
  wideRequestSchema,
} from '../../src/relay/wide.ts'
import type { DevicePeer, LeafPeer, UplinkPeer, WidePeer } from '../platform.ts'
import type { Env } from '../workerd/env.ts'
import { StubCache, uplinkShards } from '../workerd/peers.ts'
import { servedRegions } from '../workerd/region.ts'
import { gatherRegion } from './gather.ts'

type RelayContext = Context<{ Bindings: Env; Variables: { region: RegionId } }>

/** Calls the leaf of a root in the region that the request names. */
type LeafCall = <T>(
  c: RelayContext,
  fleet: FleetId,
  root: Root,
  call: (leaf: LeafPeer) => Promise<T>,
) => Promise<T>

const callLeaf: LeafCall = (c, fleet, root, call) =>
  // One cache for each request: a stub belongs to the request that made it.
  new StubCache(c.env).call(
    leafAddress(c.var.region, fleet, root),
    call as (leaf: LeafPeer) => Promise<unknown>,
  ) as ReturnType<typeof call>

function callDevice<T>(
  c: RelayContext,
  fleet: FleetId,
  client: ClientId,
  call: (device: DevicePeer) => Promise<T>,
): Promise<T> {
  return new StubCache(c.env).call(
    deviceAddress(c.var.region, fleet, client),
    call as (device: DevicePeer) => Promise<unknown>,
  ) as Promise<T>
}

function callWide<T>(
  c: RelayContext,
  fleet: FleetId,
  shard: number,
  call: (wide: WidePeer) => Promise<T>,
): Promise<T> {
  return new StubCache(c.env).call(
    wideAddress(c.var.region, fleet, shard),
    call as (wide: WidePeer) => Promise<unknown>,
  ) as Promise<T>
}

async function parse<S extends z.ZodType>(
  c: RelayContext,
  schema: S,
): Promise<{ ok: true; value: z.infer<S> } | { ok: false; response: Response }> {
  let body: unknown
  try {
    body = await c.req.json()
  } catch {
    return { ok: false, response: problemResponse(400, 'The body is not JSON') }
  }
  const result = schema.safeParse(body)
  return result.success ? { ok: true, value: result.data } : { ok: false, response: invalid(result.error) }
}

export const relayRoutes = new Hono<{ Bindings: Env; Variables: { region: RegionId } }>().basePath(RELAY_PATH)

relayRoutes.use('/:region/*', async (c, next) => {
  const region = parseRegionId(c.req.param('region'))
  if (region === null || !servedRegions(c.env).includes(region)) {
    return problemResponse(421, 'This edge does not serve that region', { field: 'region' })
  }
  const caller = await verifyRelay(c.req.header('authorization'), c.env.RELAY_SECRET, edgeParty(region))
  if (caller !== 'core') return problemResponse(401, 'Only the core may call this, with a fresh token')
  c.set('region', region)
  return next()
})

/** Tells that the edge is reachable, signatures and all. */
relayRoutes.post('/:region/ping', (c) => c.body(null, 204))

relayRoutes.post('/:region/envelopes', async (c) => {
  const body = await parse(c, deliverRequestSchema)
  if (!body.ok) return body.response
  const results = await Promise.all(
    body.value.envelopes.map(
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
  return c.json({ results })
})

relayRoutes.post('/:region/interest', async (c) => {
  const body = await parse(c, homeInterestRequestSchema)
  if (!body.ok) return body.response
  return c.json(await callLeaf(c, body.value.fleet, body.value.root, (leaf) => leaf.interest(body.value)))
})

relayRoutes.post('/:region/presence', async (c) => {
  const body = await parse(c, homePresenceRequestSchema)
  if (!body.ok) return body.response
  const { fleet, root, epoch } = body.value
  const client = clientOfRoot(root)
  if (client === null) return problemResponse(400, 'Not the root of a client', { field: 'root' })
  return c.json(await callDevice(c, fleet, client, (device) => device.presence(epoch)))
})

relayRoutes.post('/:region/shadow', async (c) => {
  const body = await parse(c, homeShadowRequestSchema)
  if (!body.ok) return body.response
  const { fleet, root, epoch, ...asked } = body.value
  const client = clientOfRoot(root)
  if (client === null) return problemResponse(400, 'Only devices have shadows', { field: 'root' })
  return c.json(await callDevice(c, fleet, client, (device) => device.shadow(asked, epoch)))
})

relayRoutes.post('/:region/history-seam', async (c) => {
  const body = await parse(c, historySeamRequestSchema)
  if (!body.ok) return body.response
  const { fleet, root, epoch } = body.value
  return c.json(await callLeaf(c, fleet, root, (leaf) => leaf.historySeam(epoch)))
})

relayRoutes.post('/:region/access', async (c) => {
  const body = await parse(c, changedAccessRequestSchema)
  if (!body.ok) return body.response
  const { fleet, client, access, clock } = body.value
  await callDevice(c, fleet, client, (device) => device.accessChanged(access, clock))
  return c.body(null, 204)
})

relayRoutes.post('/:region/command', async (c) => {
  const body = await parse(c, homeCommandRequestSchema)
  if (!body.ok) return body.response
  const { fleet, root, epoch, asked } = body.value
  const client = clientOfRoot(root)
  if (client === null) return problemResponse(400, 'Only devices can be called', { field: 'root' })
  return c.json(await callDevice(c, fleet, client, (device) => device.command(asked, epoch)))
})

relayRoutes.post('/:region/explain', async (c) => {
  const body = await parse(c, regionExplainRequestSchema)
  if (!body.ok) return body.response
  const { fleet, ...asked } = body.value
  return c.json(await gatherRegion(c.env, c.var.region, fleet, asked))
})

relayRoutes.post('/:region/wide', async (c) => {
  const body = await parse(c, wideRequestSchema)
  if (!body.ok) return body.response
  return c.json(await callWide(c, body.value.fleet, body.value.shard, (wide) => wide.learn(body.value)))
})

relayRoutes.post('/:region/wide-drained', async (c) => {
  const body = await parse(c, wideDrainedRequestSchema)
  if (!body.ok) return body.response
  const { fleet, region } = body.value
  const stubs = new StubCache(c.env)
  // In this order: what a WideActor still holds is not yet in an uplink.
  await Promise.all(
    Array.from({ length: WIDE_SHARDS }, (_, shard) =>
      stubs.call<WidePeer>(wideAddress(c.var.region, fleet, shard), (wide) => wide.drained(region)),
    ),
  )
  await Promise.all(
    Array.from({ length: uplinkShards(c.env) }, (_, shard) =>
      stubs.call<UplinkPeer>(uplinkShardAddress(c.var.region, fleet, shard), (uplink) =>
        uplink.drainedWide(region),
      ),
    ),
  )
  return c.body(null, 204)
})

relayRoutes.post('/:region/wide-retained', async (c) => {
  const body = await parse(c, regionRetainedRequestSchema)
  if (!body.ok) return body.response
  const { fleet, shard, filters, after } = body.value
  const { records, next } = await callWide(c, fleet, shard, (wide) => wide.retained(filters, after))
  return c.json({ records: bytesToBase64(records), clock: Date.now(), next })
})

relayRoutes.post('/:region/drained', async (c) => {
  const body = await parse(c, drainedRequestSchema)
  if (!body.ok) return body.response
  const { fleet, root, region } = body.value
  await callLeaf(c, fleet, root, (leaf) => leaf.drained(region))
  return c.body(null, 204)
})

relayRoutes.post('/:region/handover', async (c) => {
  const body = await parse(c, handoverRequestSchema)
  if (!body.ok) return body.response
  const given = await callLeaf(c, body.value.fleet, body.value.root, (leaf) => leaf.handover(body.value))
  return given === null ? problemResponse(409, 'A newer home is known here') : c.json(given)
})

relayRoutes.post('/:region/release', async (c) => {
  const body = await parse(c, releaseRequestSchema)
  if (!body.ok) return body.response
  return c.json(await callLeaf(c, body.value.fleet, body.value.root, (leaf) => leaf.release(body.value)))
})
