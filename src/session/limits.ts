// The bounds of a session; the unit is in the name.

/** How long a delivery waits for its acknowledgement before it is stored (promise 1). */
export const ACK_WAIT_MS = 250

/** The same of a session that ends with its connection: a client this slow has stalled. */
export const STALL_MS = 10_000

/** QoS 1 and 2 messages in flight to one client, even if its Receive Maximum is higher. */
export const OUTGOING_INFLIGHT_MAX = 128
/**
 * Publishes of one client that may be open: the Receive Maximum that the server announces. High, since acknowledgements wait
 * for other regions, and since common clients ignore the number. Their bytes are bounded elsewhere.
 */
export const INCOMING_INFLIGHT_MAX = 4_096

/** Topic Alias Maximum that the server announces. */
export const TOPIC_ALIASES_INCOMING_MAX = 16
/** The most topic aliases that the server uses towards a client. */
export const TOPIC_ALIASES_OUTGOING_MAX = 16

/** Messages that wait for one session, online or not; past it the publisher gets 0x97 (Quota exceeded). */
export const QUEUE_MESSAGES_MAX = 10_000
/** Bytes that wait for one session; past it the publisher gets 0x97. */
export const QUEUE_BYTES_MAX = 16 * 1024 * 1024

/** Subscriptions of one session; past it SUBACK 0x97. */
export const SUBSCRIPTIONS_MAX = 1_000

/** The longest that a session may outlive its connection: 30 days. */
export const SESSION_EXPIRY_SECONDS_MAX = 30 * 24 * 3600
/** For a 3.1.1 client with Clean Session 0, which cannot name an interval. */
export const SESSION_EXPIRY_SECONDS_V4 = 7 * 24 * 3600

/** The default Server Keep Alive. Long, since each PINGREQ wakes the actor. */
export const SERVER_KEEP_ALIVE_SECONDS = 600
