// The directory's store in memory: the real rules of homes and epochs over a map.
import {
  type Decision,
  decideClaim,
  decideConfirm,
  decideRelease,
  type HomeRow,
  homeOf,
} from '../../k8s-core/store/home-row.ts'
import type { Store } from '../../k8s-core/store/port.ts'

export function memoryStore(): Store {
  const rows = new Map<string, HomeRow>()
  const decide = <T>(key: string, decision: Decision<T>): T => {
    if (decision.write !== null) rows.set(key, decision.write)
    return decision.result
  }
  const keyOf = (fleet: string, root: string) => `${fleet} ${root}`
  const row = (key: string) => rows.get(key) ?? null
  return {
    migrate: async () => undefined,
    home: async (fleet, root) => homeOf(row(keyOf(fleet, root))),
    claimHome: async (fleet, root, region, epoch) => {
      const key = keyOf(fleet, root)
      return decide(key, decideClaim(row(key), region, epoch))
    },
    confirmImport: async (fleet, root, epoch, from) => {
      const key = keyOf(fleet, root)
      return decide(key, decideConfirm(row(key), epoch, from))
    },
    releaseHome: async (fleet, root, epoch) => {
      const key = keyOf(fleet, root)
      return decide(key, decideRelease(row(key), epoch))
    },
    // Nobody fails over here: a region that does not answer is never taken for lost.
    putState: async () => true,
    takeState: () => Promise.reject(new Error('no home begins without its predecessor here')),
    shadow: async () => null,
    ping: async () => undefined,
    close: async () => undefined,
  }
}
