// The bounds of the MQTT codec, in one place. What a deployment may lower is passed in where it is used.

/** The Maximum Packet Size that the server announces unless it is set lower: fixed header included. */
export const PACKET_BYTES_MAX = 1024 * 1024

/** What four bytes of Remaining Length can say; section 1.5.5. */
export const REMAINING_BYTES_MAX = 268_435_455

/** What two bytes of length can say: of a string, of binary data, of a topic. */
export const STRING_BYTES_MAX = 65_535

/** Matching and the tree of subscriptions take a step per level, so a topic's depth is bounded. */
export const TOPIC_LEVELS_MAX = 64

/** Each may cost a call to another actor, so one packet may not ask for an unbounded number of them. */
export const SUBSCRIPTIONS_PER_PACKET_MAX = 512
