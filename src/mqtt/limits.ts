// The bounds of the MQTT codec, in one place. A bound that a deployment may lower is a parameter of the code that obeys it.

/** The Maximum Packet Size that the server announces unless it is set lower: fixed header included. */
export const PACKET_BYTES_MAX = 1024 * 1024

/** The largest value of Remaining Length's four bytes; section 1.5.5. */
export const REMAINING_BYTES_MAX = 268_435_455

/** The largest length that two bytes can hold: of a string, of binary data, of a topic. */
export const STRING_BYTES_MAX = 65_535

/** Matching and the tree of subscriptions take a step per level, so a topic's depth is bounded. */
export const TOPIC_LEVELS_MAX = 64

/** Each may cost a call to another actor, so one packet may not ask for an unbounded number of them. */
export const SUBSCRIPTIONS_PER_PACKET_MAX = 512
