// The bounds of shadows; the unit is in the name.

/** Of `desired` and `reported` together, as JSON without metadata. AWS IoT: 8 KB. */
export const SHADOW_STATE_BYTES_MAX = 64 * 1024
/** Of one request: room for a whole state, and for as much again that is set to null. */
export const SHADOW_REQUEST_BYTES_MAX = 256 * 1024
/** Of the patch that the store does not have. Less than a request, which carries it. */
export const UNSYNCED_PATCH_BYTES_MAX = 192 * 1024
/** Nested objects and arrays, `desired` or `reported` itself the first. AWS IoT: 6. */
export const SHADOW_LEVELS_MAX = 16
/** The `clientToken` of a request. */
export const CLIENT_TOKEN_BYTES_MAX = 64
/** Shadows of one device, the classic one included. */
export const SHADOWS_MAX = 100
/** All shadows of one device as JSON, with metadata. */
export const SHADOWS_CHARACTERS_MAX = 4 * 1024 * 1024
/** How long the version of a deleted shadow is kept. A new shadow of the same name continues from that version. */
export const SHADOW_DELETED_KEPT_MS = 48 * 3600 * 1000
