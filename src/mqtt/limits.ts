// The bounds of the MQTT codec, in one place. A bound that a deployment may lower is a parameter of the code that obeys it.

/** The Maximum Packet Size that the server announces unless it is set lower: fixed header included. */
export const PACKET_BYTES_MAX = 1024 * 1024

/** The largest value of Remaining Length's four bytes; section 1.5.5. */
export const REMAINING_BYTES_MAX = 268_435_455

/** The largest length that two bytes can hold: of a string, of binary data, of a topic. */
export const STRING_BYTES_MAX = 65_535

/** Filters of one SUBSCRIBE that are looked at: as many as a session may have. SUBACK refuses each further one with 0x97. */
export const SUBSCRIPTIONS_PER_PACKET_MAX = 1_000
