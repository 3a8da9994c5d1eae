// The other actors and the core as a test scripts them; what it leaves out answers that all is well.
import type { CoreClient } from '../../actors/core-client.ts'
import type { DevicePeer, FrontPeer, LeafPeer, Peers, UplinkPeer } from '../../actors/platform.ts'
import type { ClientId, RegionId, Root } from '../../src/id/ids.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'

export interface PeersScript {
  device?(client: ClientId): Partial<DevicePeer>
  leaf?(root: Root): Partial<LeafPeer>
  uplink?(root: Root): Partial<UplinkPeer>
  front?(name: string): Partial<FrontPeer>
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
  interest: async () => ({ status: 'done', retained: [] }),
  drained: async () => undefined,
  fence: async () => undefined,
  handover: async () => null,
  release: async () => ({ late: '', upTo: 0 }),
}

const DEVICE: DevicePeer = {
  ...LEAF,
  deliver: async (_, batch) => successes(batch),
  frontOpened: async () => undefined,
  frontFrames: async () => undefined,
  frontClosed: async () => undefined,
}

const UPLINK: UplinkPeer = {
  send: async (_root, _to, _hint, batch) => successes(batch),
  take: async () => ({ batch: packBatch([]), underWay: null }),
  drained: async () => undefined,
  took: async () => undefined,
}

const FRONT: FrontPeer = { send: async () => undefined, close: async () => undefined }

export function fakePeers(script: PeersScript = {}): Peers {
  const device = (client: ClientId) => ({ ...DEVICE, ...script.device?.(client) })
  return {
    device,
    deviceOf: (_fleet, client) => device(client),
    leaf: (root) => ({ ...LEAF, ...script.leaf?.(root) }),
    uplink: (root) => ({ ...UPLINK, ...script.uplink?.(root) }),
    front: (name) => ({ ...FRONT, ...script.front?.(name) }),
  }
}

/** @param region where every home is, at epoch 1, with nothing to import */
export function fakeCore(region: RegionId, script: Partial<CoreClient> = {}): CoreClient {
  const home = { region, epoch: 1 }
  return {
    resolve: async () => ({ home }),
    claim: async () => ({ home, state: null }),
    imported: async () => ({ late: '', upTo: 0 }),
    confirm: async () => ({ current: true }),
    interest: async () => ({ home, retained: [] }),
    drained: async () => undefined,
    interests: async () => undefined,
    envelopes: async ({ envelopes }) => ({
      results: envelopes.map(() => ({ status: 'done', outcomes: [] })),
    }),
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
