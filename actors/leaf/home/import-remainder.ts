// After an import: asks former homes for their remainders (src/relay/home.ts), page by page, until all have released the root.
import type { RegionId } from '../../../src/id/ids.ts'
import {
  type ImportedRequest,
  type ImportedResponse,
  REMAINDER_START,
  type RemainderPlace,
} from '../../../src/relay/home.ts'
import { remainderByOurClock } from '../../calls/other-clock.ts'
import type { Platform } from '../../platform.ts'

/** How far the remainder of a former home is imported. */
type ImportedSoFar = RemainderPlace & { readonly from: RegionId | null }

/** @param register false if subscriptions are still open */
export async function importRemainder(
  platform: Platform,
  asking: Omit<ImportedRequest, keyof ImportedSoFar | 'registered'>,
  register: () => Promise<boolean>,
  importPage: (remainder: ImportedResponse) => Promise<void>,
): Promise<void> {
  let registered = await register()
  // A former home deletes what it sent only when it is asked again: by then this region has stored it.
  for (let soFar: ImportedSoFar = { ...REMAINDER_START, from: null }; ; ) {
    const remainder = await platform.core.imported({ ...asking, registered, ...soFar })
    if (remainder.done) return
    const { late, retained, shadows, subscriptions } = remainder
    if (late.length === 0 && retained.length + shadows.length + subscriptions.length === 0)
      throw new Error('a former home waits until all subscriptions are registered')
    await importPage(remainderByOurClock(remainder, platform.now()))
    if (subscriptions.length > 0) registered = await register()
    const before = remainder.from === soFar.from ? soFar : REMAINDER_START
    soFar = {
      from: remainder.from,
      tookUpTo: remainder.upTo,
      tookTopic: retained.at(-1)?.topic ?? before.tookTopic,
      tookShadow: shadows.at(-1)?.path ?? before.tookShadow,
      tookFilter: subscriptions.at(-1)?.filter ?? before.tookFilter,
    }
  }
}
