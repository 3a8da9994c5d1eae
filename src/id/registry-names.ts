// The bounds and the form of what a registered device is described with.

export const ATTRIBUTES_MAX = 20
export const GROUPS_MAX = 20
export const ATTRIBUTE_VALUE_CHARS_MAX = 256

/** Of a group, an attribute's name or a type: 1 to 64 of `A-Z a-z 0-9 _ . : -`. */
export const REGISTRY_NAME = /^[\w.:-]{1,64}$/

/** An attribute's value: no control characters, no halves of characters. */
export const ATTRIBUTE_VALUE = /^[^\p{Cc}\p{Cs}]{0,256}$/u
