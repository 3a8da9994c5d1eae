// An actor whose storage has no room for a write ends.

/** As workerd names it at the end of the message. */
const STORAGE_FULL = 'SQLITE_FULL'

/**
 * Uses the storage. Where there is no room the actor ends, as if its process had died: its memory may say what its storage does
 * not, and all that is under way fails together, so that what is tried again keeps its order. Its next life begins with what
 * is stored.
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
