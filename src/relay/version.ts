// The contract between edge and core. It stands in every path, so that a deploy of one side fails clearly, not oddly.

/** Raise it with every change of a schema in this folder; a test holds the schemas' hash against it. */
export const RELAY_VERSION = 1

export const RELAY_PATH = `/relay/v${RELAY_VERSION}`
