// Every bound of the core in one place; the unit is in the name.

/** The core waits this long for an edge, unless another bound is named. */
export const EDGE_CALL_TIMEOUT_MS = 8_000
/** The core waits this long for an edge when a subscription waits: shorter than the edge that asks waits. */
export const EDGE_SUBSCRIBE_TIMEOUT_MS = 20_000
/** A claim waits this long to learn whether the old home's region is there. */
export const EDGE_PING_TIMEOUT_MS = 1_500
/** After this a reader of a shadow gets the state in the store. */
export const EDGE_SHADOW_TIMEOUT_MS = 3_000
/** How much longer than a home holds a command the core waits for its edge. */
export const EDGE_COMMAND_MARGIN_MS = 4_000
/**
 * `explain` waits this long for another region, which gives its actors less, and names whoever did not
 * answer.
 */
export const EDGE_EXPLAIN_TIMEOUT_MS = 700
/** `explain` waits this long for the store. */
export const EXPLAIN_STORE_MS = 500
/** The core waits this long for the old home's hand-over. */
export const EDGE_HANDOVER_TIMEOUT_MS = 4_000
/** A region that has been silent for this long is taken for lost, unless the core's settings say otherwise. */
export const FAIL_OVER_AFTER_MS = 3_000
/** One claim waits this long to learn whether a region is silent. */
export const SILENCE_WAIT_MS_MAX = 5_000
/** It asks the region this often. */
export const SILENCE_LOOK_MS = 250
/** A silence of which nothing was heard for this long is begun anew. */
export const SILENCE_FORGOTTEN_MS = 10_000
/** Homes that the core remembers; a stale one is answered `moved` by the edge and read again. */
export const HOME_CACHE_ROOTS_MAX = 100_000
/** The core remembers a home for this long. */
export const HOME_CACHE_MS = 30_000
/** Messages that one page of history reads from the store at a time. */
export const HISTORY_READ_AT_ONCE = 100
/** Reads of one page of history. */
export const HISTORY_READS_PER_PAGE_MAX = 50
/** Of the messages in a page. One message is always in it. */
export const HISTORY_PAGE_BYTES_MAX = 4 * 1024 * 1024
/** How often a home is looked up again before the caller is told to try later. */
export const MOVED_TRIES_MAX = 3
/** A claim that others keep winning. */
export const CLAIM_TRIES_MAX = 5
/** How long calls under way may take once the drain is over: longer than any call may. */
export const FINISH_MS_MAX = 22_000
/**
 * An idle HTTP connection is closed after this: later than its caller closes it, so that no call meets a
 * closing connection.
 */
export const KEEP_ALIVE_MS = 75_000
/** While the core drains, idle connections are closed this often. */
export const CLOSE_IDLE_EVERY_MS = 50
/** Index rows that one page of devices looks at: of several wishes one is looked up, the others sort out. */
export const DEVICES_SCANNED_MAX = 2_000
/** A row that its device does not bear out is left over if it is older than any change may take. */
export const REGISTRY_LEFT_OVER_MS = 600_000
/** A change of a device waits this long for all regions; slower ones learn of it later. */
export const TELL_WAIT_MS = 3_000
/** The core waits this long for one region to take a change of a device. */
export const EDGE_TELL_TIMEOUT_MS = 5_000
/** A pod looks this often for changes that regions have not taken. */
export const NOTICES_EVERY_MS = 2_000
/** Notices that one look reads. */
export const NOTICES_PER_LOOK = 512
/** Notices that a pod sends side by side. */
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
/** Seconds that the store takes to answer: the buckets of the histogram. */
export const STORE_SECONDS_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const
