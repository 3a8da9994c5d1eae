// The bounds of the history; the unit is in the name.

/** Filters of the setting `HISTORY`. */
export const HISTORY_FILTERS_MAX = 100
/** The shortest time for which messages can be stored. */
export const HISTORY_TTL_SECONDS_MIN = 60
/** The longest time: ten years; Cassandra takes twenty. */
export const HISTORY_TTL_SECONDS_MAX = 3650 * 86_400
