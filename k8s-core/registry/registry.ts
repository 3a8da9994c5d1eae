// The registry of devices, with all of its parts over one store.
import type { Logger } from 'pino'
import type { Edges } from '../edges.ts'
import type { RegistryStore } from '../store/registry-port.ts'
import { ClaimTokens } from './claim-tokens.ts'
import { Devices } from './devices.ts'
import { Fleets } from './fleets.ts'
import { Notices } from './notices.ts'
import { Provisioning } from './provisioning.ts'

export class Registry {
  readonly now: () => number
  readonly notices: Notices
  readonly devices: Devices
  readonly fleets: Fleets
  readonly claimTokens: ClaimTokens
  readonly provisioning: Provisioning

  /** @param now the store's clock, ms since the epoch: the registry never uses a pod's own clock */
  constructor(store: RegistryStore, edges: Edges, log: Logger, now: () => number) {
    this.now = now
    this.notices = new Notices(store, edges, log, now)
    this.devices = new Devices(store, this.notices, now)
    this.fleets = new Fleets(store, now)
    this.claimTokens = new ClaimTokens(store, now)
    this.provisioning = new Provisioning(this.devices, this.claimTokens, now)
  }
}
