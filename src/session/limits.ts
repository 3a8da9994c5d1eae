// The bounds of a session; the unit is in the name.

/** How long a delivery waits for its acknowledgement before it is stored (promise 1). */
export const ACK_WAIT_MS = 250

/** The same of a session that ends with its connection: a client this slow has stalled. */
export const STALL_MS = 10_000

/** Bytes in flight to one client at QoS 1 and 2: past it the next message waits for an acknowledgement. */
export const OUTGOING_INFLIGHT_BYTES_MAX = 8 * 1024 * 1024
/** QoS 1 and 2 messages in flight to one client, even if its Receive Maximum is higher. */
export const OUTGOING_INFLIGHT_MAX = 128
/**
 * Publishes of one client that may be open: the Receive Maximum that the server announces. High, since acknowledgements wait
 * for other regions, and since common clients ignore the number. A 3.1.1 client gets no such number: its further publishes wait.
 */
export const INCOMING_INFLIGHT_MAX = 4_096
/** Bytes of one client's QoS 1 and 2 publishes that are on their way at a time; further packets wait in memory. */
export const INCOMING_BYTES_MAX = 4 * 1024 * 1024
/** Bytes of one client's packets that wait so, if its actor has as much memory free. Past it QoS 0 is dropped, and the connection is closed with 0x97 for others. */
export const INCOMING_HELD_BYTES_MAX = 28 * 1024 * 1024
/** Added to the bytes of each packet that waits, and of each of its filters. */
export const INCOMING_HELD_PACKET_BYTES = 256

/** Topic Alias Maximum that the server announces. */
export const TOPIC_ALIASES_INCOMING_MAX = 16
/** The most topic aliases that the server uses towards a client. */
export const TOPIC_ALIASES_OUTGOING_MAX = 16

/**
 * Messages that wait for one session, online or not. Past it the oldest is dropped and counted, or the publisher gets 0x97, as the
 * session's policy says. What came by shared subscriptions has this bound for itself.
 */
export const QUEUE_MESSAGES_MAX = 10_000
/** Bytes that wait for one session; past it the same. What came by shared subscriptions has this bound for itself. */
export const QUEUE_BYTES_MAX = 16 * 1024 * 1024

/** Of these, bytes that wait in memory: past it a delivery is stored at once, and read when the client has room. */
export const QUEUE_MEMORY_BYTES_MAX = 8 * 1024 * 1024

/** Subscriptions of one session; past it SUBACK 0x97. */
export const SUBSCRIPTIONS_MAX = 1_000
/** A topic filter, with its `$share/<group>/`; past it SUBACK 0x97. */
export const FILTER_BYTES_MAX = 1024
/** All filters of one session together; past it SUBACK 0x97. */
export const FILTERS_BYTES_MAX = 256 * 1024
/** A session's share of its region's wide filters; past it SUBACK 0x97. */
export const WIDE_SUBSCRIPTIONS_MAX = 100
/** Its share of their bytes; past it the same. */
export const WIDE_SUBSCRIPTIONS_BYTES_MAX = 24 * 1024

/** The longest that a session may outlive its connection: 30 days. */
export const SESSION_EXPIRY_SECONDS_MAX = 30 * 24 * 3600
/** For a 3.1.1 client with Clean Session 0, which cannot name an interval. */
export const SESSION_EXPIRY_SECONDS_V4 = 7 * 24 * 3600

/** The shortest keep alive that a 5.0 client is granted, unless the deployment sets a longer one: see docs/keep-alive.md. */
export const KEEP_ALIVE_SECONDS_MIN = 2
