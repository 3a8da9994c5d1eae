// The fleets that have a registry. The default fleet always has one.
import { z } from 'zod'
import { DEFAULT_FLEET, type FleetId } from '../../src/id/ids.ts'
import { FLEET_KNOWN_MS } from '../limits.ts'
import type { Index, IndexCursor, RegistryStore } from '../store/registry-port.ts'

const fleetRecordSchema = z.object({ description: z.string(), createdAt: z.number() })

export interface Fleet {
  readonly id: FleetId
  readonly description: string
  readonly createdAt: number
}

const FLEETS: Index = { name: 'fleets', buckets: 1 }

export class Fleets {
  private readonly store: RegistryStore
  private readonly now: () => number
  private readonly known = new Map<FleetId, number>()

  constructor(store: RegistryStore, now: () => number) {
    this.store = store
    this.now = now
  }

  async get(id: FleetId): Promise<Fleet | null> {
    const entry = await this.store.entry(keyOf(id))
    if (entry?.body == null) return id === DEFAULT_FLEET ? { id, description: '', createdAt: 0 } : null
    return { id, ...fleetRecordSchema.parse(JSON.parse(entry.body)) }
  }

  /** Creates a fleet, or changes its description. */
  async put(id: FleetId, description: string): Promise<{ readonly fleet: Fleet; readonly made: boolean }> {
    const at = this.now()
    return this.store.change(keyOf(id), 'read', (former) => {
      const before = former?.body == null ? null : fleetRecordSchema.parse(JSON.parse(former.body))
      const record = { description, createdAt: before?.createdAt ?? at }
      return {
        result: { fleet: { id, ...record }, made: before === null },
        write: {
          body: JSON.stringify(record),
          indexed: [{ index: FLEETS, entry: id }],
          unindexed: [],
          notify: [],
        },
      }
    })
  }

  /** Cached for a while: each request about a device asks. */
  async exists(id: FleetId): Promise<boolean> {
    if (id === DEFAULT_FLEET || (this.known.get(id) ?? 0) > this.now()) return true
    if ((await this.get(id)) === null) return false
    this.known.set(id, this.now() + FLEET_KNOWN_MS)
    return true
  }

  async list(after: IndexCursor | null, limit: number) {
    const page = await this.store.indexed({ fleet: DEFAULT_FLEET, index: FLEETS, prefix: '', after, limit })
    const fleets = await Promise.all(page.rows.map(({ entry }) => this.get(entry as FleetId)))
    return { fleets: fleets.filter((fleet) => fleet !== null), next: page.next }
  }
}

/** One bucket for all fleets, so that they can be listed. */
function keyOf(id: FleetId) {
  return { fleet: DEFAULT_FLEET, kind: 'fleet' as const, id }
}
