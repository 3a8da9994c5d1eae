// The other actors and the core as a test scripts them; what it leaves out answers that all is well.

import type { CoreClient } from '../../actors/core/core-client.ts'
import type { DevicePeer } from '../../actors/device/device-peer.ts'
import type { FrontPeer } from '../../actors/front/front-peer.ts'
import type { LeafPeer } from '../../actors/leaf/leaf-peer.ts'
import { WIDE_GRANT_MS } from '../../actors/limits.ts'
import type { Peers } from '../../actors/platform.ts'
import type { UplinkPeer } from '../../actors/uplink/uplink-peer.ts'
import type { WidePeer } from '../../actors/wide/wide-peer.ts'
import { wideShard } from '../../src/id/actor-name.ts'
import type { ClientId, RegionId, Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { EnvelopesRequest, EnvelopesResponse } from '../../src/relay/envelope.ts'
import { ALL_IMPORTED, RELEASED } from '../../src/relay/home.ts'
import { Pieces } from '../../src/relay/pieces.ts'
import { recordTexts } from './samples.ts'

export interface PeersScript {
  device?(client: ClientId): Partial<DevicePeer>
  leaf?(root: Root): Partial<LeafPeer>
  uplink?(root: Root): Partial<UplinkPeer>
  wide?(shard: number): Partial<WidePeer>
  front?(name: string): Partial<FrontPeer>
}

/** Actors are not asked by one another. */
function notExplained(): Promise<never> {
  return Promise.reject(new Error('explain is not scripted'))
}

const LEAF: LeafPeer = {
  publish: async (_, batch) => successes(batch),
  subscribe: async (_client, _session, subscriptions) => ({
    reasons: subscriptions.map(({ qos }) => qos),
    retained: packBatch([]),
  }),
  unsubscribe: async () => undefined,
  share: async (_, batch) => successes(batch),
  receive: async () => ({ status: 'done', outcomes: [] }),
  interest: async ({ order }) => ({ status: 'done', order, clock: 0, retained: [] }),
  drained: async () => null,
  homeKnown: async () => ({ home: null, imported: false }),
  copyState: async () => ({ status: 'moved' }),
  historySeam: async () => ({ status: 'moved' }),
  fence: async () => undefined,
  handover: async () => null,
  release: async () => RELEASED,
  retainedFor: async () => ({ records: packBatch([]), next: null }),
  retainedPage: async () => ({ records: packBatch([]), next: null }),
  explainTopic: notExplained,
}

const DEVICE: DevicePeer = {
  ...LEAF,
  beginsRoot: async () => true,
  publishOwn: async (batch) => ({ status: 'done', outcomes: successes(batch) }),
  shadow: async () => ({ status: 'moved' }),
  command: async () => ({ status: 'moved' }),
  deliver: async (_, batch) => successes(batch),
  presence: async () => ({ status: 'moved' }),
  session: async () => ({ status: 'moved' }),
  accessChanged: async () => undefined,
  explainReceiver: notExplained,
  explainPublisher: notExplained,
  frontOpened: async () => undefined,
  frontFrames: async () => undefined,
  frontClosed: async () => undefined,
}

const UPLINK: UplinkPeer = {
  send: async (_root, _to, _hint, batch) => successes(batch),
  pickUp: async () => [],
  drained: async () => undefined,
  drainedWide: async () => undefined,
  confirmPickup: async () => undefined,
  sync: async () => 'applied',
  explain: notExplained,
}

/** One that knows no filters. */
const WIDE: WidePeer = {
  publish: async (_, batch) => ({
    outcomes: successes(batch).fill(Reason.NoMatchingSubscribers),
    skipMs: WIDE_GRANT_MS,
  }),
  receive: async () => ({ status: 'done', outcomes: [] }),
  subscribe: async (_client, _session, subscriptions) => ({
    reasons: subscriptions.map(({ qos }) => qos),
    fresh: subscriptions.map(() => true),
  }),
  unsubscribe: async () => undefined,
  fence: async () => undefined,
  drained: async () => undefined,
  explain: notExplained,
  learn: async () => ({ waitMs: 0, version: 0, filters: [] }),
  retains: async () => undefined,
  share: async (_, batch) => successes(batch),
  retained: async () => ({ records: packBatch([]), next: null }),
  retainedElsewhere: async () => ({ records: packBatch([]), next: null }),
}

/** A leaf's, that takes all and notes the payloads. */
export function publishInto(texts: string[]): LeafPeer['publish'] {
  return async (_, batch) => {
    const more = recordTexts(batch)
    texts.push(...more)
    return new Uint8Array(more.length)
  }
}

/** As many as a fake region has. */
const FAKE_SHARDS = 2

const FRONT: FrontPeer = { send: async () => undefined, close: async () => undefined }

export function fakePeers(script: PeersScript = {}): Peers {
  const device = (client: ClientId) => ({ ...DEVICE, ...script.device?.(client) })
  const wide = (shard: number) => ({ ...WIDE, ...script.wide?.(shard) })
  return {
    device,
    deviceOf: (_fleet, client) => device(client),
    leaf: (root) => ({ ...LEAF, ...script.leaf?.(root) }),
    uplink: (root) => ({ ...UPLINK, ...script.uplink?.(root) }),
    wide: (root) => wide(wideShard(root) % FAKE_SHARDS),
    wideShards: () => Array.from({ length: FAKE_SHARDS }, (_, shard) => wide(shard)),
    front: (name) => ({ ...FRONT, ...script.front?.(name) }),
  }
}

function wholeOf(records: Uint8Array | Pieces): Uint8Array {
  return records instanceof Pieces ? records.joined() : records
}

/** What a test says of the core. Envelopes come with their batch in one piece, as a body would carry it. */
export type CoreScript = Partial<Omit<CoreClient, 'envelopes'>> & {
  readonly envelopes?: (request: EnvelopesRequest) => Promise<EnvelopesResponse>
}

/** @param region where every home is, at epoch 1, with nothing to import */
export function fakeCore(region: RegionId, { envelopes, ...script }: CoreScript = {}): CoreClient {
  const home = { region, epoch: 1 }
  return {
    resolve: async () => ({ home }),
    claim: async () => ({ home, state: null, synced: false }),
    imported: async () => ALL_IMPORTED,
    interest: async ({ order }) => ({ home, order, clock: 0, retained: [] }),
    shadow: async () => ({ status: 'unreachable', region }),
    command: async () => ({ status: 'unreachable', region }),
    drained: async () => undefined,
    envelopes: async (request) => {
      const whole = request.envelopes.map((one) => ({ ...one, records: wholeOf(one.records) }))
      if (envelopes !== undefined) return envelopes({ ...request, envelopes: whole })
      return { results: whole.map(() => ({ status: 'done', outcomes: [] })) }
    },
    presence: async () => ({ status: 'done', event: null }),
    session: async () => ({ status: 'done', session: null, purged: 0 }),
    explain: notExplained,
    sync: async ({ roots }) => ({ results: roots.map(() => 'applied' as const) }),
    history: async () => ({ status: 'unreachable', region }),
    access: async () => ({ clock: 0, access: null }),
    provision: async () => ({ status: 'refused', because: 'token' }),
    wide: async () => ({ regions: [] }),
    wideDrained: async () => undefined,
    wideRetained: async () => ({ records: new Uint8Array(0), clock: 0, next: null }),
    ...script,
  }
}

/** An answer that the test gives when it likes. */
export function held<T>(): { readonly answer: Promise<T>; give(value: T): void; fail(cause: unknown): void } {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  return { answer: promise, give: resolve, fail: reject }
}

function successes(batch: Uint8Array): Uint8Array {
  return new Uint8Array(unpackBatch(batch).length)
}
