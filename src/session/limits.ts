// Every bound of a session in one place; the unit is in the name.

/** How long a publish waits for its receivers before what is still open is stored (promise 1). */
export const ACK_WAIT_MS = 250

/** How long a client may hold up a session that ends with its connection before what waits is stored. */
export const STALL_MS = 10_000

/** QoS 1 and 2 messages in flight to one client, whatever more it offers in its Receive Maximum. */
export const OUTGOING_INFLIGHT_MAX = 128
/**
 * Publishes of one client that may be open: the Receive Maximum that the server announces. Generous, since an
 * acknowledgement waits for other regions and common clients do not keep to the number; bytes are bounded elsewhere.
 */
export const INCOMING_INFLIGHT_MAX = 4_096

/** Topic Alias Maximum that the server announces, and the most that it uses towards a client. */
export const TOPIC_ALIASES_INCOMING_MAX = 16
export const TOPIC_ALIASES_OUTGOING_MAX = 16

/** What waits for one session, online or not; past either bound the publisher gets 0x97 (quota exceeded). */
export const QUEUE_MESSAGES_MAX = 10_000
export const QUEUE_BYTES_MAX = 16 * 1024 * 1024

export const SUBSCRIPTIONS_MAX = 1_000

/** The longest that a session may outlive its connection: 30 days. */
export const SESSION_EXPIRY_SECONDS_MAX = 30 * 24 * 3600
/** What a 3.1.1 client with Clean Session 0 gets, since it cannot name an interval. */
export const SESSION_EXPIRY_SECONDS_V4 = 7 * 24 * 3600

/** The default Server Keep Alive: a PINGREQ wakes the actor, so an MQTT 5 client is asked for few of them. */
export const SERVER_KEEP_ALIVE_SECONDS = 600
