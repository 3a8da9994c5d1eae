// What a home has applied to a shadow and the core's store does not have yet, told as few requests: should another region
// take over meanwhile, they are its to apply.
import type { ShadowVerb } from '../id/shadow-topic.ts'
import { SECTIONS } from './document.ts'
import { compose } from './json.ts'
import { LATE_PATCH_BYTES_MAX } from './limits.ts'
import type { Patch } from './request.ts'
import type { Applied } from './step.ts'

const encoder = new TextEncoder()

export interface Late {
  readonly deleted: boolean
  /** After the deletion, if there was one. */
  readonly patch: Patch | null
  /** The version that the first update asked for, as long as each has asked for one: then all are for that version only. */
  readonly onlyFor: number | null
}

export interface LateRequest {
  readonly verb: Exclude<ShadowVerb, 'get'>
  /** JSON. */
  readonly body: string
}

/** With one more change. Where that makes too long a request, of all that was removed nothing is said any more. */
export function laterThan(late: Late | null, applied: Applied): Late {
  if (applied.verb === 'delete') return { deleted: true, patch: null, onlyFor: null }
  const { patch, onlyFor } = applied
  if (late === null) return { deleted: false, patch, onlyFor: onlyFor ?? null }
  const both = late.patch === null ? patch : composed(late.patch, patch)
  const tooLong = encoder.encode(JSON.stringify(both)).length > LATE_PATCH_BYTES_MAX
  return {
    deleted: late.deleted,
    patch: tooLong ? (applied.shadow.document?.state ?? {}) : both,
    onlyFor: onlyFor === undefined ? null : late.onlyFor,
  }
}

export function replayOf({ deleted, patch, onlyFor }: Late): LateRequest[] {
  const requests: LateRequest[] = deleted ? [{ verb: 'delete', body: '{}' }] : []
  if (patch !== null)
    requests.push({
      verb: 'update',
      body: JSON.stringify({ state: patch, ...(onlyFor !== null && { version: onlyFor }) }),
    })
  return requests
}

/** What `replayOf` made requests of. */
export function lateOf(requests: readonly LateRequest[]): Late | null {
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
