// Sends changes of who may connect to every region. A notice stays in the store until its region has confirmed it.
import type { Logger } from 'pino'
import type { ClientId, FleetId, RegionId } from '../../src/id/ids.ts'
import type { Access } from '../../src/relay/access.ts'
import { EdgeUnreachable } from '../edge-errors.ts'
import type { Edges } from '../edges.ts'
import { NOTICE_UNDER_WAY_MS, NOTICE_WAIT_MS, NOTICES_ABREAST, NOTICES_PER_LOOK } from '../limits.ts'
import type { Notice, RegistryStore } from '../store/registry-port.ts'
import { accessOf, noAccess } from './device-record.ts'
import { type AccessNotices, deviceOf } from './devices.ts'

export class Notices implements AccessNotices {
  private readonly store: RegistryStore
  private readonly edges: Edges
  private readonly log: Logger
  private readonly now: () => number
  private looking: Promise<void> | null = null

  constructor(store: RegistryStore, edges: Edges, log: Logger, now: () => number) {
    this.store = store
    this.edges = edges
    this.log = log
    this.now = now
  }

  get regions(): RegionId[] {
    return this.edges.regions
  }

  /** Sends a stored change. Waits a little for the answers; a slower region gets the change all the same. */
  async send(fleet: FleetId, client: ClientId, access: Access): Promise<RegionId[]> {
    const pending = new Set(this.regions)
    const all = Promise.all(
      this.regions.map(async (region) => {
        if (await this.sendOne({ region, fleet, client, version: access.version }, access))
          pending.delete(region)
      }),
    )
    await new Promise<void>((done) => {
      const timer = setTimeout(done, NOTICE_WAIT_MS)
      void all.finally(() => {
        clearTimeout(timer)
        done()
      })
    })
    return [...pending].sort()
  }

  /** Sends the notices that are left: of regions that were unreachable, or of a core that died. Never rejects. */
  look(): Promise<void> {
    this.looking ??= this.lookOnce()
      .catch((cause) => this.log.warn({ err: cause }, 'the store did not answer a look for notices'))
      .finally(() => {
        this.looking = null
      })
    return this.looking
  }

  /** Regions side by side: a region that is away delays no other. */
  private async lookOnce(): Promise<void> {
    await Promise.all(this.regions.map((region) => this.lookAfter(region)))
  }

  private async lookAfter(region: RegionId): Promise<void> {
    const notices = await this.store.notices(region, NOTICES_PER_LOOK)
    for (let at = 0; at < notices.length; at += NOTICES_ABREAST) {
      const some = notices.slice(at, at + NOTICES_ABREAST)
      const reached = await Promise.all(some.map((notice) => this.lookAfterOne(notice)))
      if (reached.includes(false)) return
    }
  }

  /** False if the region is unreachable: then its other notices need not be tried now. */
  private async lookAfterOne(notice: Notice): Promise<boolean> {
    const { fleet, client, version } = notice
    const entry = await this.store.entry({ fleet, kind: 'device', id: client })
    const stored = entry?.version ?? 0
    // The change may not be stored yet: the request that stores it sends the notice.
    if (stored < version && this.now() - version < NOTICE_UNDER_WAY_MS) return true
    const device = deviceOf(client, entry)
    const access = device === null ? noAccess(stored) : accessOf(device)
    return this.sendOne({ ...notice, version: Math.max(version, stored) }, access)
  }

  private async sendOne(notice: Notice, access: Access): Promise<boolean> {
    const { region, fleet, client } = notice
    try {
      await this.edges.changedAccess(region, { fleet, client, clock: this.now(), access })
      await this.store.noticed(notice)
      return true
    } catch (cause) {
      if (!(cause instanceof EdgeUnreachable))
        this.log.warn({ err: cause, region }, 'a region did not confirm a notice')
      return false
    }
  }
}
