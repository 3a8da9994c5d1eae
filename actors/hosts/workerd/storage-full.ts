// Ends an actor whose storage has no room for a write.

/** At the end of workerd's error message. */
const STORAGE_FULL = 'SQLITE_FULL'

/**
 * Uses the storage; if there is no room, ends the actor as if its process had died. Its memory may already differ from its
 * storage. All calls under way fail together, so that their retries keep their order. The next life begins from storage.
 * @param end ends the actor; may return
 */
export function orEnd<T>(use: () => T, end: (reason: string) => void): T {
  try {
    return use()
  } catch (cause) {
    if (String(cause).includes(STORAGE_FULL)) end('there is no room in its storage')
    throw cause
  }
}
