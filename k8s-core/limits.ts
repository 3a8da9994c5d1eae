// Every bound of the core in one place; the unit is in the name.

export const EDGE_CALL_TIMEOUT_MS = 8_000
/** A claim waits for both of these in the worst case, and for the store, within the edge's own bound for it. */
export const EDGE_PING_TIMEOUT_MS = 2_500
export const EDGE_HANDOVER_TIMEOUT_MS = 5_000
/** Homes that the core remembers; a stale one is answered `moved` by the edge and read again. */
export const HOME_CACHE_ROOTS_MAX = 100_000
export const HOME_CACHE_MS = 30_000
/** How often a home is looked up again before the caller is told to try later. */
export const MOVED_TRIES_MAX = 3
/** A claim that others keep winning. */
export const CLAIM_TRIES_MAX = 5
export const BODY_BYTES_MAX = 32 * 1024 * 1024
/** How long calls under way may take once the drain is over: longer than any call may. */
export const FINISH_MS_MAX = 12_000
export const CLOSE_IDLE_EVERY_MS = 50
