// The registered devices of fleets: created, changed and removed one at a time by compare-and-set, and found by index.
import type { ClientId, FleetId, RegionId } from '../../src/id/ids.ts'
import type { Access } from '../../src/relay/access.ts'
import { DEVICES_SCANNED_MAX, REGISTRY_LEFT_OVER_MS } from '../limits.ts'
import type { Entry, IndexCursor, IndexRow, RegistryStore } from '../store/registry-port.ts'
import {
  ALL_DEVICES,
  accessOf,
  attributeIndex,
  type Credential,
  type DeviceRecord,
  deviceRecordSchema,
  GROUPS,
  groupIndex,
  leftRows,
  noAccess,
  type RegisteredDevice,
  recordOf,
  rowsOf,
  typeIndex,
} from './device-record.ts'

/** Sends a stored change to the regions; resolves with the regions that were not reached, which get it later. */
export interface AccessNotices {
  readonly regions: readonly RegionId[]
  send(fleet: FleetId, client: ClientId, access: Access): Promise<RegionId[]>
}

export type Refusal =
  | { readonly status: 'unknown' }
  | { readonly status: 'exists'; readonly device: RegisteredDevice }
  /** The device has another version than the caller expects. */
  | { readonly status: 'changed'; readonly device: RegisteredDevice }
  /** The device would have more of it than allowed. */
  | { readonly status: 'full'; readonly field: 'attributes' | 'groups' | 'credentials' }

export interface Done {
  readonly status: 'done'
  readonly device: RegisteredDevice
  /** Regions that have not confirmed the change. */
  readonly pending: readonly RegionId[]
}

/** The fields of a new device. */
export type NewDevice = Pick<DeviceRecord, 'type' | 'attributes' | 'groups' | 'enabled'>

/** The new record; null to remove it; or the refusal. */
export type ChangeDevice = (device: RegisteredDevice, at: number) => DeviceRecord | null | Refusal

export interface DeviceQuery {
  readonly group: string | null
  readonly type: string | null
  readonly attributes: readonly (readonly [name: string, value: string])[]
  readonly enabled: boolean | null
  /** A prefix of the ids. */
  readonly prefix: string
  readonly after: IndexCursor | null
  readonly limit: number
}

export interface DevicePage {
  readonly devices: readonly RegisteredDevice[]
  readonly next: IndexCursor | null
}

export class Devices {
  private readonly store: RegistryStore
  private readonly notices: AccessNotices
  private readonly now: () => number

  constructor(store: RegistryStore, notices: AccessNotices, now: () => number) {
    this.store = store
    this.notices = notices
    this.now = now
  }

  async get(fleet: FleetId, id: ClientId): Promise<RegisteredDevice | null> {
    return deviceOf(id, await this.store.entry({ fleet, kind: 'device', id }))
  }

  /** @param credential its first one, if it gets one */
  async create(
    fleet: FleetId,
    id: ClientId,
    described: NewDevice,
    credential: Credential | null,
    claim: DeviceRecord['claim'] = null,
  ): Promise<Done | Refusal> {
    const at = this.now()
    const key = { fleet, kind: 'device' as const, id }
    return this.store.change<Done | Refusal>(key, 'absent', (former, version) => {
      const device = deviceOf(id, former)
      if (device !== null) return { result: { status: 'exists', device }, write: null }
      const record: DeviceRecord = {
        ...described,
        createdAt: at,
        updatedAt: at,
        credentials: credential === null ? [] : [credential],
        revoked: [],
        claim,
      }
      // No region needs a notice: a region that found no such device asks again at the next connection.
      return {
        result: { status: 'done', device: { ...record, id, version }, pending: [] },
        write: { body: JSON.stringify(record), indexed: rowsOf(id, record), unindexed: [], notify: [] },
      }
    })
  }

  /**
   * If the change affects who may connect, regions get a notice. A change that changes nothing writes nothing.
   * @param match the version that the device must have; null for any
   */
  async change(
    fleet: FleetId,
    id: ClientId,
    match: number | null,
    change: ChangeDevice,
  ): Promise<Done | Refusal> {
    const at = this.now()
    const key = { fleet, kind: 'device' as const, id }
    const { outcome, access } = await this.store.change<{ outcome: Done | Refusal; access: Access | null }>(
      key,
      'read',
      (former, version) => {
        const device = deviceOf(id, former)
        const refuse = (outcome: Refusal) => ({ result: { outcome, access: null }, write: null })
        if (device === null) return refuse({ status: 'unknown' })
        if (match !== null && device.version !== match) return refuse({ status: 'changed', device })
        const next = change(device, at)
        if (next !== null && 'status' in next) return refuse(next)
        if (next !== null && isSame(next, recordOf(device)))
          return { result: { outcome: { status: 'done', device, pending: [] }, access: null }, write: null }
        const record = next === null ? null : { ...next, updatedAt: at }
        const access = record === null ? noAccess(version) : accessOf({ ...record, version })
        const changed = isSame({ ...access, version: 0 }, { ...accessOf(device), version: 0 }) ? null : access
        return {
          result: {
            outcome: { status: 'done', device: { ...(record ?? device), id, version }, pending: [] },
            access: changed,
          },
          write: {
            body: record === null ? null : JSON.stringify(record),
            indexed: record === null ? [] : rowsOf(id, record),
            unindexed: leftRows(id, device, record),
            notify: changed === null ? [] : this.notices.regions,
          },
        }
      },
    )
    if (outcome.status !== 'done' || access === null) return outcome
    return { ...outcome, pending: await this.notices.send(fleet, id, access) }
  }

  /**
   * A page in a stable order. A page with fewer devices than the limit need not be the last: one condition is looked up in an index,
   * the others filter.
   */
  async find(fleet: FleetId, query: DeviceQuery): Promise<DevicePage> {
    const { group, type, attributes, prefix, limit } = query
    const [first] = attributes
    const index =
      first !== undefined
        ? attributeIndex(...first)
        : group !== null
          ? groupIndex(group)
          : type !== null
            ? typeIndex(type)
            : ALL_DEVICES
    const devices: RegisteredDevice[] = []
    let after = query.after
    for (let scanned = 0; scanned < DEVICES_SCANNED_MAX; ) {
      const wanted = limit - devices.length
      const page = await this.store.indexed({ fleet, index, prefix, after, limit: wanted })
      scanned += Math.max(page.rows.length, 1)
      const found = await Promise.all(page.rows.map(({ entry }) => this.get(fleet, entry as ClientId)))
      for (const [i, device] of found.entries()) {
        const row = page.rows[i]
        const within =
          device !== null && rowsOf(device.id, device).some((one) => one.index.name === index.name)
        if (row !== undefined && !within) await this.leftOver(fleet, { index, entry: row.entry }, row.version)
        if (within && matches(device, query)) devices.push(device)
      }
      after = page.next
      if (after === null || devices.length >= limit) break
    }
    return { devices, next: after }
  }

  async groups(fleet: FleetId, after: IndexCursor | null, limit: number) {
    const page = await this.store.indexed({ fleet, index: GROUPS, prefix: '', after, limit })
    return { groups: page.rows.map(({ entry }) => entry), next: page.next }
  }

  /** Deletes a surplus index row of an aborted change. A young row may belong to a change that is under way, so it stays. */
  private async leftOver(fleet: FleetId, row: IndexRow, version: number): Promise<void> {
    if (this.now() - version > REGISTRY_LEFT_OVER_MS) await this.store.unindex(fleet, row, version)
  }
}

export function deviceOf(id: ClientId, entry: Entry | null): RegisteredDevice | null {
  if (entry === null || entry.body === null) return null
  return { ...deviceRecordSchema.parse(JSON.parse(entry.body)), id, version: entry.version }
}

function matches(device: RegisteredDevice, { group, type, attributes, enabled }: DeviceQuery): boolean {
  return (
    (group === null || device.groups.includes(group)) &&
    (type === null || device.type === type) &&
    (enabled === null || device.enabled === enabled) &&
    attributes.every(([name, value]) => device.attributes[name] === value)
  )
}

/** Compares as JSON: the same code makes both, so the fields have the same order, except those of maps. */
function isSame(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
