// Holds our bounds against the platform's (platform-bounds.ts) when the code is loaded. kinds.ts imports this file, so no host starts
// with a bound of ours that the platform would break in the middle of an event.
import { CLIENT_ID_BYTES_MAX } from '../src/id/ids.ts'
import { ROOT_BYTES_MAX } from '../src/id/root.ts'
import { PACKET_BYTES_MAX, STRING_BYTES_MAX } from '../src/mqtt/limits.ts'
import { BODY_BYTES_MAX } from '../src/relay/body.ts'
import { COMMAND_BYTES_MAX } from '../src/relay/command.ts'
import { WIDE_FILTERS_MAX } from '../src/relay/wide.ts'
import {
  INCOMING_HELD_BYTES_MAX,
  OUTGOING_INFLIGHT_BYTES_MAX,
  QUEUE_MEMORY_BYTES_MAX,
  SUBSCRIPTIONS_MAX,
  TOPIC_ALIASES_INCOMING_MAX,
} from '../src/session/limits.ts'
import {
  SHADOW_STATE_BYTES_MAX,
  SHADOWS_CHARACTERS_MAX,
  UNSYNCED_PATCH_BYTES_MAX,
} from '../src/shadow/limits.ts'
import {
  ACTOR_CLIENT_BYTES_MAX,
  ACTOR_MEMORY_BYTES_MAX,
  ACTOR_MESSAGES_BYTES_MAX,
  ARRIVALS_BYTES_MAX,
  ATTACHMENT_BYTES_MAX,
  ATTACHMENT_DELAY_MS,
  CALL_ROOM_BYTES_MAX,
  COMMANDS_KEPT_BYTES_MAX,
  COURIER_BATCH_BYTES_MAX,
  COURIER_BATCH_RECORDS_MAX,
  COURIER_PENDING_BYTES_MAX,
  EARLY_FRAME_BYTES_MAX,
  HISTORY_ROW_BYTES_MAX,
  HISTORY_WAITING_BYTES_MAX,
  LATE_RETAINED_MAX,
  OUTBOX_MESSAGES_MAX,
  RETAINED_PAGE_BYTES_MAX,
  SQL_LIST_MAX,
  SYNC_BYTES_PER_CALL_MAX,
  SYNC_BYTES_PER_ROUND_MAX,
  SYNC_CALLS_MAX,
  UPLINK_BYTES_PER_CALL_MAX,
  UPLINK_CALLS_ALL_MAX,
  WIDE_FILTERS_CHARACTERS_MAX,
} from './limits.ts'
import {
  PLATFORM_ATTACHMENT_BYTES_MAX,
  PLATFORM_CALL_BYTES_MAX,
  PLATFORM_CONNECTIONS_MAX,
  PLATFORM_HIBERNATES_AFTER_MS,
  PLATFORM_ISOLATE_BYTES_MAX,
  PLATFORM_REQUEST_BYTES_MAX,
  PLATFORM_ROW_BYTES_MAX,
  PLATFORM_STATEMENT_BYTES_MAX,
  PLATFORM_STATEMENT_STEPS_MAX,
  PLATFORM_WEBSOCKET_MESSAGE_BYTES_MAX,
} from './platform-bounds.ts'

/** Numbers, names, flags, lengths: more than any row or call has beside what is counted. */
const REST_BYTES = 4 * 1024
/** A control character in a JSON text. */
const JSON_BYTES_PER_CHARACTER = 6
/** Base64 of three bytes. */
const BASE64_PER_BYTE = 4 / 3
/** Beside each value of a shadow its metadata has a time: `"a":1` becomes `"a":{"timestamp":1700000000}`. */
const SHADOW_METADATA_PER_BYTE = 6

/** A message's record: a packet, and its topic once more where an alias stood for that. */
const RECORD_BYTES = PACKET_BYTES_MAX + STRING_BYTES_MAX + REST_BYTES
/** A record for one subscriber: with the identifiers of its subscriptions, and the filter of a shared one. */
const DELIVERY_BYTES = RECORD_BYTES + 4 * SUBSCRIPTIONS_MAX + STRING_BYTES_MAX

/** Of an isolate's memory, for the messages of one actor. */
const ISOLATE_SHARE = 3 / 4

/** The budget of an actor, and the bounds beside it that are always reserved. */
const ACTOR_BYTES =
  ACTOR_MEMORY_BYTES_MAX +
  QUEUE_MEMORY_BYTES_MAX +
  OUTGOING_INFLIGHT_BYTES_MAX +
  CALL_ROOM_BYTES_MAX +
  HISTORY_WAITING_BYTES_MAX +
  COMMANDS_KEPT_BYTES_MAX +
  SHADOWS_CHARACTERS_MAX +
  ARRIVALS_BYTES_MAX +
  RETAINED_PAGE_BYTES_MAX +
  PACKET_BYTES_MAX

/** A message of the outbox in memory: its place in its lane, its name, the numbers of its row. */
const OUTBOX_ITEM_BYTES = 320

type Rule = readonly [what: string, needs: number, max: number]

const RULES: readonly Rule[] = [
  // Rows: the table, and what its largest row may take.
  ['a row of queue, orphan', DELIVERY_BYTES + STRING_BYTES_MAX, PLATFORM_ROW_BYTES_MAX],
  ['a row of backlog', DELIVERY_BYTES + CLIENT_ID_BYTES_MAX + REST_BYTES, PLATFORM_ROW_BYTES_MAX],
  ['a row of retained', STRING_BYTES_MAX + RECORD_BYTES, PLATFORM_ROW_BYTES_MAX],
  ['a row of outbox', ROOT_BYTES_MAX + CLIENT_ID_BYTES_MAX + RECORD_BYTES, PLATFORM_ROW_BYTES_MAX],
  [
    'a row of history',
    Math.max(HISTORY_ROW_BYTES_MAX, RECORD_BYTES) + CLIENT_ID_BYTES_MAX + REST_BYTES,
    PLATFORM_ROW_BYTES_MAX,
  ],
  ['a row of will', RECORD_BYTES + REST_BYTES, PLATFORM_ROW_BYTES_MAX],
  [
    'a row of live_bulk',
    TOPIC_ALIASES_INCOMING_MAX * STRING_BYTES_MAX + 64 * REST_BYTES,
    PLATFORM_ROW_BYTES_MAX,
  ],
  ['a row of command', COMMAND_BYTES_MAX * BASE64_PER_BYTE + REST_BYTES, PLATFORM_ROW_BYTES_MAX],
  [
    'a row of shadow',
    SHADOW_STATE_BYTES_MAX * (1 + SHADOW_METADATA_PER_BYTE) + UNSYNCED_PATCH_BYTES_MAX + REST_BYTES,
    PLATFORM_ROW_BYTES_MAX,
  ],
  [
    'a row of other: the wide filters of a region',
    WIDE_FILTERS_CHARACTERS_MAX * JSON_BYTES_PER_CHARACTER + 3 * WIDE_FILTERS_MAX,
    PLATFORM_ROW_BYTES_MAX,
  ],
  // Statements with a list of positions, each of at most 16 digits.
  ['a statement with SQL_LIST_MAX positions', 18 * SQL_LIST_MAX + REST_BYTES, PLATFORM_STATEMENT_BYTES_MAX],
  ['the steps of SQL_LIST_MAX positions', 3 * SQL_LIST_MAX + 100, PLATFORM_STATEMENT_STEPS_MAX],

  // Calls between actors. One record is always in a batch.
  [
    'a batch of a courier',
    Math.max(COURIER_BATCH_BYTES_MAX, DELIVERY_BYTES) + 4 * COURIER_BATCH_RECORDS_MAX,
    PLATFORM_CALL_BYTES_MAX,
  ],
  ['a page of retained messages', RETAINED_PAGE_BYTES_MAX + RECORD_BYTES, PLATFORM_CALL_BYTES_MAX],
  ['the changes that a former home sends', LATE_RETAINED_MAX * RECORD_BYTES, PLATFORM_CALL_BYTES_MAX],
  [
    'the frames of a FrontActor',
    PACKET_BYTES_MAX + EARLY_FRAME_BYTES_MAX + REST_BYTES,
    PLATFORM_CALL_BYTES_MAX,
  ],
  ['the shadows of a device', SHADOWS_CHARACTERS_MAX * 3, PLATFORM_CALL_BYTES_MAX],
  ['the answers of a device', COMMANDS_KEPT_BYTES_MAX, PLATFORM_CALL_BYTES_MAX],
  ['a sync of a root', SYNC_BYTES_PER_ROUND_MAX + RECORD_BYTES, PLATFORM_CALL_BYTES_MAX],

  // Bodies between edge and core.
  ['a call of an uplink', UPLINK_BYTES_PER_CALL_MAX + RECORD_BYTES, BODY_BYTES_MAX],
  [
    'a call with the syncs of many roots',
    SYNC_BYTES_PER_CALL_MAX + SYNC_BYTES_PER_ROUND_MAX + RECORD_BYTES,
    BODY_BYTES_MAX,
  ],
  ['a body between edge and core', BODY_BYTES_MAX, PLATFORM_REQUEST_BYTES_MAX],

  // Memory: what one actor may hold, and the share of the isolate that is left to it. The others in the isolate sleep, mostly.
  ['the messages of a device or a leaf', ACTOR_BYTES, ISOLATE_SHARE * PLATFORM_ISOLATE_BYTES_MAX],
  [
    'the messages of an uplink, its outbox without the records, and its calls',
    ACTOR_MEMORY_BYTES_MAX +
      OUTBOX_MESSAGES_MAX * OUTBOX_ITEM_BYTES +
      UPLINK_CALLS_ALL_MAX * UPLINK_BYTES_PER_CALL_MAX,
    ISOLATE_SHARE * PLATFORM_ISOLATE_BYTES_MAX,
  ],
  ['the calls of an uplink', UPLINK_CALLS_ALL_MAX + SYNC_CALLS_MAX, PLATFORM_CONNECTIONS_MAX],
  [
    'packets of a client that wait: others have the rest of the budget',
    INCOMING_HELD_BYTES_MAX,
    ACTOR_CLIENT_BYTES_MAX,
  ],
  [
    'each use of the budget leaves memory to the other',
    Math.max(ACTOR_CLIENT_BYTES_MAX, ACTOR_MESSAGES_BYTES_MAX) + COURIER_PENDING_BYTES_MAX,
    ACTOR_MEMORY_BYTES_MAX,
  ],

  // Sockets.
  ['a packet in one WebSocket message', PACKET_BYTES_MAX, PLATFORM_WEBSOCKET_MESSAGE_BYTES_MAX],
  ['an attachment', ATTACHMENT_BYTES_MAX + REST_BYTES, PLATFORM_ATTACHMENT_BYTES_MAX],
  ['the delay of an attachment', 2 * ATTACHMENT_DELAY_MS, PLATFORM_HIBERNATES_AFTER_MS],
]

const broken = RULES.filter(([, needs, max]) => !(needs <= max)).map(
  ([what, needs, max]) => `${what} may take ${needs}, and the platform allows ${max}`,
)
if (broken.length > 0) throw new Error(`bounds that the platform breaks: ${broken.join('; ')}`)
