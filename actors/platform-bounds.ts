// What the platform enforces, each bound with its source. A laptop's workerd enforces a part of them ("workerd enforces it"); the
// rest holds on Cloudflare alone, so the tests' fakes and the simulator enforce all. limits-check.ts holds our own bounds
// against these when the code is loaded.
//
// [workers] https://developers.cloudflare.com/workers/platform/limits/
// [objects] https://developers.cloudflare.com/durable-objects/platform/limits/
// [workerd] https://github.com/cloudflare/workerd, read at the version of package-lock.json

/**
 * The arguments of one call between actors, or its result, serialized. [workerd] `api/worker-rpc.h`, MAX_JS_RPC_MESSAGE_SIZE;
 * workerd enforces it: the call fails, the actor lives on.
 */
export const PLATFORM_CALL_BYTES_MAX = 32 * 1024 * 1024

/** A text, a blob, or a row with all its columns. [objects] 2 MB. workerd enforces 2,200,000 (`util/sqlite.c++`). */
export const PLATFORM_ROW_BYTES_MAX = 2_000_000
/** One SQL statement. [objects] 100 KB; workerd enforces it. */
export const PLATFORM_STATEMENT_BYTES_MAX = 100_000
/** Bindings of one SQL statement. [objects]; workerd enforces it. */
export const PLATFORM_BINDINGS_MAX = 100
/** Parts of a UNION. [workerd] `util/sqlite.c++`; workerd enforces it. */
export const PLATFORM_COMPOUND_SELECT_MAX = 5
/** Instructions of one compiled SQL statement: a value in a list takes three. [workerd] `util/sqlite.c++`; workerd enforces it. */
export const PLATFORM_STATEMENT_STEPS_MAX = 25_000
/** Columns of a table. [objects]; workerd enforces it. */
export const PLATFORM_COLUMNS_MAX = 100
/** A pattern of LIKE or GLOB. [objects] 50; workerd enforces it. */
export const PLATFORM_LIKE_BYTES_MAX = 50

/** All memory of an isolate, which several actors share: past it the isolate ends, and all of them. [workers] 128 MB. */
export const PLATFORM_ISOLATE_BYTES_MAX = 128_000_000
/**
 * Outgoing requests of one event that wait for the headers of their answers; the next one waits until one has them. An actor
 * counts as one event while it is in memory. [workers], "Simultaneous open connections"
 */
export const PLATFORM_CONNECTIONS_MAX = 6
/** Requests and calls that one event makes: past it they fail. [workers], "Subrequests" */
export const PLATFORM_SUBREQUESTS_MAX = 10_000
/** The attachment of a WebSocket, serialized. [workerd] `api/web-socket.h`, MAX_ATTACHMENT_SIZE; workerd enforces it. */
export const PLATFORM_ATTACHMENT_BYTES_MAX = 16 * 1024
/** A WebSocket message that an actor receives: a larger one closes the socket with 1009. [objects]; workerd enforces it. */
export const PLATFORM_WEBSOCKET_MESSAGE_BYTES_MAX = 32 * 1024 * 1024
/** The body of a request to the Worker, on a zone of the smallest plan. [workers], "Request limits" */
export const PLATFORM_REQUEST_BYTES_MAX = 100_000_000
/** The address of a request. [workers] 16 KB */
export const PLATFORM_URL_BYTES_MAX = 16_000
/** The storage of one actor. [objects] 10 GB */
export const PLATFORM_STORAGE_BYTES_MAX = 10_000_000_000
/**
 * Without an event, a call, or a timer for this long, an actor hibernates. [workerd] `io/worker-entrypoint`;
 * https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/
 */
export const PLATFORM_HIBERNATES_AFTER_MS = 10_000
