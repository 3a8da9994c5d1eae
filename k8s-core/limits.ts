// Every bound of the core in one place; the unit is in the name.

export const EDGE_CALL_TIMEOUT_MS = 8_000
/** Subscriptions wait for these calls, and would be refused together. Shorter than the edge waits. */
export const EDGE_SUBSCRIBE_TIMEOUT_MS = 20_000
export const EDGE_PING_TIMEOUT_MS = 1_500
/** Then a reader gets what the store has. */
export const EDGE_SHADOW_TIMEOUT_MS = 3_000
/** How much longer than a home holds a command the core waits for its edge. */
export const EDGE_COMMAND_MARGIN_MS = 4_000
/** `explain` answers within a second, and names whoever did not. An edge gives its actors less. */
export const EDGE_EXPLAIN_TIMEOUT_MS = 700
/** So long it waits for the store. */
export const EXPLAIN_STORE_MS = 500
export const EDGE_HANDOVER_TIMEOUT_MS = 4_000
/** A region that has been silent for this long is taken for lost, unless the core's settings say otherwise. */
export const FAIL_OVER_AFTER_MS = 3_000
/** How long one claim looks whether a region is silent, and how often. */
export const SILENCE_WAIT_MS_MAX = 5_000
export const SILENCE_LOOK_MS = 250
/** A silence of which nothing was heard for this long is begun anew. */
export const SILENCE_FORGOTTEN_MS = 10_000
/** Homes that the core remembers; a stale one is answered `moved` by the edge and read again. */
export const HOME_CACHE_ROOTS_MAX = 100_000
export const HOME_CACHE_MS = 30_000
/** Messages that one page of history reads from the store at a time, and how often it does. */
export const HISTORY_READ_AT_ONCE = 100
export const HISTORY_READS_PER_PAGE_MAX = 50
/** Of the messages in a page. One message is always in it. */
export const HISTORY_PAGE_BYTES_MAX = 4 * 1024 * 1024
/** How often a home is looked up again before the caller is told to try later. */
export const MOVED_TRIES_MAX = 3
/** A claim that others keep winning. */
export const CLAIM_TRIES_MAX = 5
/** How long calls under way may take once the drain is over: longer than any call may. */
export const FINISH_MS_MAX = 22_000
/** Longer than whoever calls keeps an idle connection: who closes first must not be the one that is about to be called. */
export const KEEP_ALIVE_MS = 75_000
export const CLOSE_IDLE_EVERY_MS = 50
/** Index rows that one page of devices looks at: of several wishes one is looked up, the others sort out. */
export const DEVICES_SCANNED_MAX = 2_000
/** A row that its device does not bear out is left over if it is older than any change may take. */
export const REGISTRY_LEFT_OVER_MS = 600_000
/** Who changes a device waits this long until all regions know; what takes longer is told later. */
export const TELL_WAIT_MS = 3_000
export const EDGE_TELL_TIMEOUT_MS = 5_000
/** How often a pod looks for what regions have not been told, how much of each, and how many are told side by side. */
export const NOTICES_EVERY_MS = 2_000
export const NOTICES_PER_LOOK = 512
export const NOTICES_ABREAST = 16
/** A notice without its change is waited for this long: longer than a change may take. */
export const NOTICE_UNDER_WAY_MS = 60_000
/** A fleet that exists is not looked up again for this long. */
export const FLEET_KNOWN_MS = 60_000
/** How long a device that names itself may claim its credential once more, should the answer have been lost. */
export const PROVISION_AGAIN_MS = 3_600_000
/** Devices of one import that are written side by side. */
export const IMPORT_ABREAST = 32
/** A change is sent after half a second, and at most once a second of each root: what is above two seconds is late. */
export const SYNC_LAG_SECONDS_BUCKETS = [0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600] as const
export const STORE_SECONDS_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const
