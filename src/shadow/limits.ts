// The bounds of shadows; the unit is in the name.

/** Of `desired` and `reported` together, as JSON without their metadata. AWS IoT takes 8 KB. */
export const SHADOW_STATE_BYTES_MAX = 64 * 1024
/** Of one request. A state that fits can be written whole, with null for as much again. */
export const SHADOW_REQUEST_BYTES_MAX = 256 * 1024
/** Of the changes that a home remembers while the store does not have them; a request may be as long, and a little more. */
export const LATE_PATCH_BYTES_MAX = 192 * 1024
/** Objects and arrays in one another, `desired` or `reported` itself the first. AWS IoT takes 6. */
export const SHADOW_LEVELS_MAX = 16
export const CLIENT_TOKEN_BYTES_MAX = 64
/** Of one device, the classic one included, and what they add up to as JSON, with metadata. */
export const SHADOWS_MAX = 100
export const SHADOWS_CHARACTERS_MAX = 4 * 1024 * 1024
/** For so long the version of a deleted shadow is remembered, so that the next one of its name goes on from it. */
export const SHADOW_DELETED_KEPT_MS = 48 * 3600 * 1000
