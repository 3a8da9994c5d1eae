// The bounds of the history; the unit is in the name.

export const HISTORY_FILTERS_MAX = 100
export const HISTORY_TTL_SECONDS_MIN = 60
/** Ten years. Cassandra's own bound is twenty. */
export const HISTORY_TTL_SECONDS_MAX = 3650 * 86_400
