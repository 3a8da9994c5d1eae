// Applies a change request to a device: the fields and attributes that the request names; null removes an attribute.
import { ATTRIBUTES_MAX } from '../../src/id/registry-names.ts'
import { recordOf } from './device-record.ts'
import type { ChangeDevice } from './devices.ts'

export interface DevicePatch {
  readonly type?: string | null | undefined
  readonly attributes?: Readonly<Record<string, string | null>> | undefined
  /** All groups of the device. */
  readonly groups?: readonly string[] | undefined
  readonly enabled?: boolean | undefined
}

/** @param merge false: the request's attributes replace all others */
export function patching({ type, attributes, groups, enabled }: DevicePatch, merge = true): ChangeDevice {
  return (device) => {
    const merged = new Map(merge || attributes === undefined ? Object.entries(device.attributes) : [])
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === null) merged.delete(name)
      else merged.set(name, value)
    }
    if (merged.size > ATTRIBUTES_MAX) return { status: 'full', field: 'attributes' }
    return {
      ...recordOf(device),
      ...(type !== undefined && { type }),
      ...(groups !== undefined && { groups: [...new Set(groups)].sort() }),
      ...(enabled !== undefined && { enabled }),
      attributes: sorted(merged),
    }
  }
}

export function sorted(attributes: Iterable<readonly [name: string, value: string]>): Record<string, string> {
  return Object.fromEntries([...attributes].sort(([a], [b]) => (a < b ? -1 : 1)))
}
