// The changes of a shadow that its home has applied and the core's store does not have, as one or two requests. If another
// region becomes the home meanwhile, the new home applies these requests.
import type { ShadowVerb } from '../id/shadow-topic.ts'
import { SECTIONS } from './document.ts'
import { compose } from './json.ts'
import { UNSYNCED_PATCH_BYTES_MAX } from './limits.ts'
import type { Patch } from './request.ts'
import type { Applied } from './step.ts'

const encoder = new TextEncoder()

export interface UnsyncedChanges {
  readonly deleted: boolean
  /** The updates as one patch, applied after the deletion if there was one. */
  readonly patch: Patch | null
  /** The version that the first update was for, if each update was for one version only. */
  readonly onlyFor: number | null
}

export interface UnsyncedRequest {
  readonly verb: Exclude<ShadowVerb, 'get'>
  /** JSON. */
  readonly body: string
}

/** Adds a change. A patch that grows too long is replaced by the whole state, which loses the record of removed keys. */
export function withChange(changes: UnsyncedChanges | null, applied: Applied): UnsyncedChanges {
  if (applied.verb === 'delete') return { deleted: true, patch: null, onlyFor: null }
  const { patch, onlyFor } = applied
  if (changes === null) return { deleted: false, patch, onlyFor: onlyFor ?? null }
  const both = changes.patch === null ? patch : composed(changes.patch, patch)
  const tooLong = encoder.encode(JSON.stringify(both)).length > UNSYNCED_PATCH_BYTES_MAX
  return {
    deleted: changes.deleted,
    patch: tooLong ? (applied.shadow.document?.state ?? {}) : both,
    onlyFor: onlyFor === undefined ? null : changes.onlyFor,
  }
}

export function requestsOf({ deleted, patch, onlyFor }: UnsyncedChanges): UnsyncedRequest[] {
  const requests: UnsyncedRequest[] = deleted ? [{ verb: 'delete', body: '{}' }] : []
  if (patch !== null)
    requests.push({
      verb: 'update',
      body: JSON.stringify({ state: patch, ...(onlyFor !== null && { version: onlyFor }) }),
    })
  return requests
}

/** The inverse of `requestsOf`. */
export function changesOf(requests: readonly UnsyncedRequest[]): UnsyncedChanges | null {
  const deleted = requests.some(({ verb }) => verb === 'delete')
  const update = requests.find(({ verb }) => verb === 'update')
  if (update === undefined) return deleted ? { deleted, patch: null, onlyFor: null } : null
  const { state, version } = JSON.parse(update.body) as { state: Patch; version?: number }
  return { deleted, patch: state, onlyFor: version ?? null }
}

function composed(first: Patch, second: Patch): Patch {
  return Object.fromEntries(
    SECTIONS.flatMap((section) => {
      const before = first[section]
      const after = second[section]
      if (after === undefined) return before === undefined ? [] : [[section, before]]
      return [[section, before && after !== null ? compose(before, after) : after]]
    }),
  )
}
