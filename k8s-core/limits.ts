// Every bound of the core in one place; the unit is in the name.

/** The core waits this long for an edge, unless a call has a bound of its own. */
export const EDGE_CALL_TIMEOUT_MS = 8_000
/** The core waits this long for an edge while a subscription waits: shorter than the wait of the edge that asks. */
export const EDGE_SUBSCRIBE_TIMEOUT_MS = 20_000
/** A claim waits this long for the answer of the old home's region to a ping. */
export const EDGE_PING_TIMEOUT_MS = 1_500
/** If the home does not answer for this long, a reader of a shadow gets the state in the store. */
export const EDGE_SHADOW_TIMEOUT_MS = 3_000
/** The core waits for an edge this much longer than the home may hold the command. */
export const EDGE_COMMAND_MARGIN_MS = 4_000
/** `explain` waits this long for another region. That region gives its actors less, and names those that did not answer. */
export const EDGE_EXPLAIN_TIMEOUT_MS = 700
/** `explain` waits this long for the store. */
export const EXPLAIN_STORE_MS = 500
/** The core waits this long for the old home's hand-over. */
export const EDGE_HANDOVER_TIMEOUT_MS = 4_000
/** A region that has been silent for this long counts as lost, unless the core's settings say otherwise. */
export const FAIL_OVER_AFTER_MS = 3_000
/** One claim waits this long to learn whether a region is silent. */
export const SILENCE_WAIT_MS_MAX = 5_000
/** It asks the region this often. */
export const SILENCE_LOOK_MS = 250
/** A region that was not asked for this long counts as silent from its next missing answer only. */
export const SILENCE_FORGOTTEN_MS = 10_000
/** Homes that a pod remembers; past it the one that was not used for longest goes. */
export const HOME_CACHE_ROOTS_MAX = 100_000
/** A pod reads a home that it remembers again after this. An edge that is wrongly addressed answers with `moved`. */
export const HOME_CACHE_MS = 30_000
/** A pod forgets a home that it could not read again for this long: so long messages flow without the store. */
export const HOME_STALE_MS = 6 * 3_600_000
/** While the store does not answer, a pod asks for a remembered home at most this often. */
export const HOME_REFRESH_MS = 5_000
/** `/readyz` waits this long for the store. */
export const STORE_PING_MS = 1_000
/** The core remembers that a root has no home for this long: one that connects first at another pod is not found meanwhile. */
export const HOME_ABSENT_MS = 1_000
/** Roots without a home that the core remembers; of more the oldest are read from the store again. */
export const HOME_ABSENT_ROOTS_MAX = 100_000
/** Messages that one page of history reads from the store at a time. */
export const HISTORY_READ_AT_ONCE = 100
/** Reads of one page of history. */
export const HISTORY_READS_PER_PAGE_MAX = 50
/** Bytes of the messages in one page of history. A page has at least one message. */
export const HISTORY_PAGE_BYTES_MAX = 4 * 1024 * 1024
/** How often the core follows a home that moves before the call fails. */
export const MOVED_TRIES_MAX = 3
/** How often a claim is repeated while other regions win. */
export const CLAIM_TRIES_MAX = 5
/** How long calls under way may take once the drain is over: longer than any call may. */
export const FINISH_MS_MAX = 22_000
/** An idle HTTP connection is closed after this time. Its caller closes it earlier, so no call meets a closing connection. */
export const KEEP_ALIVE_MS = 75_000
/** While the core drains, idle connections are closed this often. */
export const CLOSE_IDLE_EVERY_MS = 50
/** Index rows that one page of devices reads. The index serves one condition; the others filter its rows. */
export const DEVICES_SCANNED_MAX = 2_000
/** An index row without a matching device is deleted once it is this old: longer than any change takes. */
export const REGISTRY_LEFT_OVER_MS = 600_000
/** A change of a device waits this long for all regions. Slower regions get a notice. */
export const NOTICE_WAIT_MS = 3_000
/** The core waits this long for one region to take a change of a device. */
export const EDGE_NOTICE_TIMEOUT_MS = 5_000
/** A pod looks this often for notices that regions have not confirmed. */
export const NOTICES_EVERY_MS = 2_000
/** Notices that one look reads. */
export const NOTICES_PER_LOOK = 512
/** Notices that a pod sends side by side. */
export const NOTICES_ABREAST = 16
/** A notice without its change waits this long for it: longer than any change takes. */
export const NOTICE_UNDER_WAY_MS = 60_000
/** The core remembers for this long that a fleet exists. */
export const FLEET_KNOWN_MS = 60_000
/** For this long a device may ask for its credential again with the same nonce, in case the answer was lost. */
export const PROVISION_AGAIN_MS = 3_600_000
/** Devices of one import that are written side by side. */
export const IMPORT_ABREAST = 32
/** Buckets of the sync lag. A root sends a change after half a second, at most once a second: above 2 is too slow. */
export const SYNC_LAG_SECONDS_BUCKETS = [0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600] as const
/** Buckets of the store's answer times. */
export const STORE_SECONDS_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const
