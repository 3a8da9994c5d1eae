// A lamp whose home syncs to a store that the test scripts and reads.
import { type CoreClient, CoreUnreachable } from '../../actors/core/core-client.ts'
import { Gate } from '../../actors/device/admission/gate.ts'
import type { DevicePeer } from '../../actors/device/device-peer.ts'
import type { LeafPeer } from '../../actors/leaf/leaf-peer.ts'
import type { Settings } from '../../actors/platform.ts'
import type { ClientId, Root } from '../../src/id/ids.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import type { RootChange, SyncResult } from '../../src/relay/sync.ts'
import { decodeDelivery } from '../../src/session/delivery.ts'
import type { FakeConnection } from './fake-connection.ts'
import { type CoreScript, fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, connectFrame, EU, frame, LAMP, packetsTo, subscribeFrame, textOf, US } from './samples.ts'

/** What the directory, and the store asked with a sync, say of the lamp's home in eu, epoch 1. */
export interface Directory {
  /** Null where the core does not answer. */
  readonly home: HomeAnswer | null
  readonly sync: SyncResult
}

export const MOVED: Directory = { home: { region: US, epoch: 2 }, sync: 'fenced' }
export const HERE: Directory = { home: { region: EU, epoch: 1 }, sync: 'applied' }
export const AWAY: Directory = { home: null, sync: 'failed' }

export function resolvedBy({ home }: Directory): CoreClient['resolve'] {
  return async () => {
    if (home === null) throw new CoreUnreachable('the core is away')
    return { home }
  }
}

export class SyncWorld {
  /** What the uplink was given, in order. */
  readonly changes: RootChange[] = []
  /** How it answers. */
  answer: (change: RootChange) => Promise<SyncResult> = async () => 'applied'
  /** The other leaves of the region. */
  leaf: (root: Root) => Partial<LeafPeer> = () => ({})
  /** The other clients of the region. */
  peer: (client: ClientId) => Partial<DevicePeer> = () => ({})
  platform: FakePlatform
  gate: Gate
  connection: FakeConnection

  constructor(core: CoreScript = {}, settings: Partial<Settings> = {}) {
    const peers = fakePeers({
      leaf: (root) => this.leaf(root),
      device: (client) => this.peer(client),
      uplink: () => ({
        sync: (change) => {
          this.changes.push(change)
          return this.answer(change)
        },
      }),
    })
    this.platform = new FakePlatform(addressOf('device', EU, LAMP), {
      peers,
      core: fakeCore(EU, core),
      settings,
    })
    this.gate = new Gate(this.platform, LAMP)
    this.connection = this.platform.accept()
  }

  get device() {
    return this.gate.device
  }

  get clock() {
    return this.platform.clock
  }

  async connect(expirySeconds: number, more: Parameters<typeof connectFrame>[1] = {}): Promise<void> {
    this.connection = this.platform.accept()
    this.gate.opened(this.connection, true)
    await this.gate.frame(this.connection, connectFrame(expirySeconds, more))
    await this.clock.settled()
  }

  /** Connected, subscribed to its own root, and all of that synced. */
  async settle(expirySeconds = 3600): Promise<void> {
    await this.connect(expirySeconds)
    await this.gate.frame(this.connection, subscribeFrame(1, 'devices/lamp/cmd'))
    await this.clock.pass(3_000)
    this.changes.length = 0
  }

  async leave(): Promise<void> {
    await this.gate.frame(this.connection, frame({ cmd: 'disconnect' }))
    await this.clock.settled()
  }

  /** The process dies, and the connections with it. */
  crash(): void {
    for (const connection of this.platform.connections()) connection.gone = true
    this.platform = this.platform.loseMemory()
    this.gate = new Gate(this.platform, LAMP)
  }

  async alarm(): Promise<void> {
    this.platform.alarmWent()
    await this.device.alarm()
    await this.clock.settled()
  }

  get session(): string {
    return this.device.parts.store.session()?.id ?? ''
  }

  /** The client acknowledges all that it was sent so far. */
  async acknowledge(): Promise<void> {
    for (const packet of packetsTo(this.connection)) {
      if (packet.cmd !== 'publish') continue
      const { messageId = 0 } = packet
      await this.gate.frame(this.connection, frame({ cmd: 'puback', messageId, reasonCode: 0 }))
    }
    await this.clock.settled()
  }

  /** Payloads of the deliveries in what was synced, and the positions that were emptied. */
  get queued(): string[] {
    return this.changes.flatMap(({ queue }) =>
      queue.map(({ position, delivery }) =>
        delivery === null ? `-${position}` : textOf(decodeDelivery(delivery).message.payload),
      ),
    )
  }
}
