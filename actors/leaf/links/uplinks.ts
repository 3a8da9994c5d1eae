// From an actor to the region's uplinks: a courier for each root and destination, so that order holds.
import type { RegionId, Root } from '../../../src/id/ids.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { Courier, type Withdrawn } from '../../calls/courier.ts'
import { UPLINK_COURIERS_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { Lane } from '../../uplink/lane.ts'
import type { Destination } from '../../uplink/uplink-peer.ts'

export class Uplinks {
  private readonly platform: Platform
  private readonly hint: () => RegionId | null
  private readonly couriers = new Map<string, { readonly to: Destination; readonly courier: Courier }>()

  /** @param hint the region where the home was last known, if elsewhere */
  constructor(platform: Platform, hint: () => RegionId | null) {
    this.platform = platform
    this.hint = hint
  }

  /** Resolves with the routed record's outcome. */
  post(root: Root, to: Destination, routed: Uint8Array): Promise<Outcome> {
    const key = Lane.key(root, to)
    let way = this.couriers.get(key)
    if (way === undefined) {
      if (this.couriers.size >= UPLINK_COURIERS_MAX) this.sweep()
      way = { to, courier: this.courier(root, to) }
      this.couriers.set(key, way)
    }
    return way.courier.post(routed)
  }

  /** Takes back the records for the root's home that were not sent. */
  unsent(root: Root): readonly Withdrawn[] {
    return this.couriers.get(Lane.key(root, { kind: 'home' }))?.courier.withdraw() ?? []
  }

  /** Resolves when each record posted for the region so far has its outcome. Rejects if that takes long. */
  async settled(kind: 'region' | 'wide', region: RegionId): Promise<void> {
    const ways = [...this.couriers.values()].filter(({ to }) => to.kind === kind && to.region === region)
    await Promise.all(ways.map(({ courier }) => courier.settled()))
  }

  private courier(root: Root, to: Destination): Courier {
    return new Courier(this.platform, {
      call: (batch) => this.platform.peers.uplink(root).send(root, to, this.hint(), batch),
      failed: (records, cause) => {
        this.platform.report(`the uplink of ${root} does not answer`, cause)
        return records.map(() => Reason.UnspecifiedError)
      },
    })
  }

  private sweep(): void {
    for (const [key, { courier }] of this.couriers) if (courier.idle) this.couriers.delete(key)
  }
}
