// docs/limits.md: the bounds that a user meets, with what happens past each, and every constant of the limits files.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { PROJECT } from '../clients/commands.ts'

/** Further files whose bounds a user meets. */
const MORE_FILES = [
  'src/api/command.ts',
  'src/api/devices.ts',
  'src/api/paging.ts',
  'src/api/public-api.ts',
  'src/api/publish.ts',
  'src/id/ids.ts',
  'src/id/registry-names.ts',
  'src/id/root.ts',
  'src/relay/access.ts',
  'src/relay/command.ts',
  'src/relay/wide.ts',
]

type Row = readonly [what: string, bound: string, past: string]

/** `{NAME}` stands for the constant's value, `{file:NAME}` where two files have one of that name. */
const GROUPS: Readonly<Record<string, readonly Row[]>> = {
  Names: [
    [
      'client id',
      '{CLIENT_ID_BYTES_MAX}, without `/`, `+`, `#` and control characters, not beginning with `$`, not `.` or `..`',
      'CONNECT is refused with 0x85; by HTTP 400',
    ],
    [
      'first two levels of a topic',
      '{src/id/root.ts:ROOT_BYTES_MAX}',
      'PUBACK 0x90, SUBACK 0x8F, CONNACK 0x90 for a will',
    ],
    ['a topic', '{STRING_BYTES_MAX}, any number of levels', 'no packet holds it; by HTTP 400'],
    ['a filter', '{FILTER_BYTES_MAX}, any number of levels', 'SUBACK 0x97'],
    [
      'topics beginning with `$` or `presence/`',
      'only the server publishes there, but for shadow requests to `$aws/things/…`',
      'PUBACK 0x87',
    ],
    [
      '`$SYS/#`',
      'what a client may know of its edge and its own session',
      'no figures of a broker: there is none',
    ],
  ],
  'Packets and connections': [
    ['a packet', '{PACKET_BYTES_MAX}, or less by `PACKET_BYTES_MAX`', 'the connection is closed with 0x95'],
    [
      'publishes of one client without their acknowledgement',
      '{INCOMING_INFLIGHT_MAX} (Receive Maximum)',
      '5.0: the connection is closed with 0x93; 3.1.1: further packets wait',
    ],
    [
      'bytes of one client’s publishes without their acknowledgement',
      '{INCOMING_BYTES_MAX}',
      'further packets wait in memory, in their order ([decision 5](decisions/0005-receive-maximum.md))',
    ],
    [
      'bytes of one client’s packets that wait for that',
      '{INCOMING_HELD_BYTES_MAX}',
      'QoS 0 is dropped; for others the connection is closed with 0x97',
    ],
    [
      'messages under way to one client',
      '{OUTGOING_INFLIGHT_MAX}, or the Receive Maximum of the client',
      'further messages wait in its queue',
    ],
    [
      'bytes in flight to one client at QoS 1 and 2',
      '{OUTGOING_INFLIGHT_BYTES_MAX}, and always one message',
      'further messages wait in its queue',
    ],
    [
      'bytes to a client that sends no packet',
      '{SOCKET_UNREAD_BYTES_MAX}',
      'QoS 0 is dropped and counted; after {SOCKET_STALLED_MS_MIN}, or one and a half times its keep alive and at most {SOCKET_STALLED_MS_MAX}, the connection is closed with 0x97 ([decision 26](decisions/0026-a-client-that-does-not-read.md))',
    ],
    ['topic aliases in each direction', '{TOPIC_ALIASES_INCOMING_MAX}', 'the connection is closed with 0x94'],
    ['filters in one SUBSCRIBE', '{SUBSCRIPTIONS_PER_PACKET_MAX}', 'SUBACK 0x97 for each further one'],
    ['filters in one UNSUBSCRIBE', 'as many as a packet holds', ''],
    [
      'keep alive of an MQTT 5 client',
      'at least {KEEP_ALIVE_SECONDS_MIN}, or `SERVER_KEEP_ALIVE_SECONDS` ([what it costs](keep-alive.md))',
      'a shorter one becomes this: CONNACK has it as Server Keep Alive',
    ],
    [
      'CONNECT of a client whose token is not in the URL or a header',
      '{ARRIVAL_BYTES_MAX}',
      '5.0: CONNACK 0x95; the connection is closed',
    ],
    [
      'sockets of a client id that wait for CONNACK',
      '{ARRIVALS_MAX} without a checked token, {ARRIVALS_MAX} with one',
      'the oldest is closed',
    ],
    [
      'frames that clients send before CONNACK',
      '{EARLY_FRAME_BYTES_MAX} of one actor',
      'the connection that sent most of them is closed',
    ],
    [
      'clients of an address without a token in the URL or a header',
      '{UNPROVEN_UPGRADES_MAX} a minute, or `UNPROVEN_PER_MINUTE`; fleets by `FLEETS`',
      'the handshake gets HTTP 429 with `Retry-After`, or 403 for another fleet; no actor wakes',
    ],
    ['a connection without CONNECT', '{CONNECT_WAIT_MS}', 'it is closed'],
    ['a packet that arrives in parts', '{PARTIAL_PACKET_MS_MAX}', 'the connection is closed'],
    ['enhanced authentication (AUTH)', 'not supported', 'refused with 0x8C'],
  ],
  Sessions: [
    [
      'queue of a session',
      '{QUEUE_MESSAGES_MAX} messages, {QUEUE_BYTES_MAX}',
      'its oldest messages are dropped and counted; with `QUEUE_WHEN_FULL=refuse` the publisher gets 0x97, and an MQTT 3.1.1 publisher is disconnected ([decision 4](decisions/0004-a-full-queue-costs-its-owner.md)). What came by shared subscriptions has the same bound for itself',
    ],
    ['subscriptions of a session', '{SUBSCRIPTIONS_MAX}, {FILTERS_BYTES_MAX} of filters', 'SUBACK 0x97'],
    [
      'wide filters of a session',
      '{WIDE_SUBSCRIPTIONS_MAX}, {WIDE_SUBSCRIPTIONS_BYTES_MAX}',
      'SUBACK 0x97: a client leaves room for others',
    ],
    ['session expiry', '{SESSION_EXPIRY_SECONDS_MAX}', 'a longer one is cut to this'],
    [
      'session of an MQTT 3.1.1 client with Clean Session 0',
      '{SESSION_EXPIRY_SECONDS_V4}',
      'then it expires',
    ],
    [
      'an expired session while the core cannot be reached',
      'asked again each {EXPIRY_ASK_AGAIN_MS}',
      'it stays stored until the core confirms that this region is its home; its client begins a new session',
    ],
    [
      'QoS 2 origins that a session remembers',
      '{SEEN_ORIGINS_MAX}',
      'if an older message is repeated between actors, its client gets it twice',
    ],
    [
      'a client that does not acknowledge, and whose session ends with its connection',
      '{STALL_MS}',
      'its queue is stored, so that its actor may hibernate',
    ],
  ],
  Topics: [
    [
      'retained messages of a root',
      '{RETAINED_MESSAGES_MAX}, {RETAINED_BYTES_MAX}; below `devices/<id>` {RETAINED_OWN_MESSAGES} and {RETAINED_OWN_BYTES} of these are for the device itself',
      'the publisher gets 0x97',
    ],
    [
      'deliveries of a leaf that wait for actors which do not answer',
      '{BACKLOG_MESSAGES_MAX}, {BACKLOG_BYTES_MAX}',
      'the subscriber that has most of them loses its oldest; publishers go on',
    ],
    ['different wide filters of a region and fleet', '{WIDE_FILTERS_MAX}', 'SUBACK 0x97'],
    [
      'a new wide filter while a region cannot be reached',
      'none',
      'SUBACK 0x83; the move of a client with wide filters is completed when the region is back ([decision 7](decisions/0007-wide-filters.md))',
    ],
    [
      'a new subscriber of a root whose home cannot be reached',
      'waits {SUBSCRIBE_TIMEOUT_MS}',
      'SUBACK 0x83',
    ],
    [
      'retained messages for a SUBSCRIBE',
      'all, in pages of {RETAINED_PAGE_BYTES_MAX}',
      'they wait while the client takes no more. After {REPLAY_STALL_MS} without room the rest comes with the client’s next packet, or when the client returns to its session ([decision 28](decisions/0028-retained-messages-in-pages.md))',
    ],
    [
      'a root that no client owns (`rooms/42`) and whose region is lost',
      'keeps its home',
      'messages for it wait in the outboxes until the region is back',
    ],
  ],
  'Between regions': [
    [
      'calls of one of the uplink shards',
      '{UPLINK_CALLS_ALL_MAX}, {UPLINK_CALLS_MAX} to one region; {UPLINK_PROBES_MAX} to regions that did not answer; {SYNC_CALLS_MAX} with syncs',
      'further messages wait. A call that takes over {UPLINK_PATIENCE_MS} is given up, and repeated later, if another region has none',
    ],
    [
      'outbox of one of the uplink shards',
      '{OUTBOX_MESSAGES_MAX} messages, {OUTBOX_BYTES_MAX}; if one region is absent, its messages may take half of it; if two are, a third each',
      'the publisher gets 0x97',
    ],
    [
      'a region that is silent',
      '{FAIL_OVER_AFTER_MS}',
      'its clients may go on elsewhere ([decision 10](decisions/0010-fail-over.md))',
    ],
    [
      '`durability: global`',
      '{GLOBAL_SYNC_WAIT_MS} for the store, {GLOBAL_WAIT_MS} for an outbox',
      'the publisher gets 0x83; the message stays where it is',
    ],
    [
      'clocks of regions, pods and store',
      'may differ by {CLOCKS_DIFFER_MS_MAX}',
      'tokens between edge and core are refused',
    ],
    [
      'a client id or root that is used for the first time',
      'needs the core once',
      'CONNACK 0x88, SUBACK 0x83; a publish waits in the outbox',
    ],
    [
      'roots that one client uses first',
      '{ROOTS_BEGUN_MAX} at once, then one each {ROOT_AGAIN_MS}, while its actor is in memory',
      'PUBACK and SUBACK 0x97; QoS 0 is dropped',
    ],
    [
      'a root that nobody subscribes to, retains or stores',
      'gets a home with the publish after {ROOT_LOOKS_MAX} others',
      'before that PUBACK 0x10, and nothing is written',
    ],
    [
      'repetitions',
      'at QoS 1 a message may come twice after a fault, or while its client moves',
      'at QoS 2 the session recognises it by its origin ([decision 9](decisions/0009-qos-2.md), [12](decisions/0012-between-regions.md))',
    ],
  ],
  Presence: [
    [
      'presence events in an outbox, which the next home publishes again',
      '{PRESENCE_OPEN_MAX}',
      'older ones stay in the outbox only',
    ],
    [
      'the `disconnected` of a connection that died with its process',
      'one and a half times its keep alive',
      'its actor publishes it when the keep alive’s alarm wakes it ([decision 11](decisions/0011-presence.md))',
    ],
  ],
  Shadows: [
    ['state of a shadow', '{SHADOW_STATE_BYTES_MAX}, {SHADOW_LEVELS_MAX} levels', 'rejected with 413 or 400'],
    ['one request', '{SHADOW_REQUEST_BYTES_MAX}', 'rejected with 413'],
    [
      'shadows of a device',
      '{SHADOWS_MAX}, {SHADOWS_CHARACTERS_MAX} characters as JSON with metadata',
      'rejected; by HTTP 507',
    ],
    [
      'version of a deleted shadow',
      '{SHADOW_DELETED_KEPT_MS}',
      'then the next shadow of its name may begin at 1',
    ],
  ],
  'Calls of devices': [
    ['payload and answer', '{COMMAND_BYTES_MAX} each', '413; for a larger answer 502, which names the bound'],
    ['time for the device', 'up to {COMMAND_TIMEOUT_MS_MAX}', 'a longer one is refused with 400'],
    ['time that a request is held', '{CALL_WAIT_MS_MAX}', '202, and `Location` says where to ask'],
    [
      'open calls of a device',
      '{COMMANDS_OPEN_PER_CALLER_MAX} of one caller, {COMMANDS_OPEN_MAX} of all',
      '429; calls of others are taken',
    ],
    [
      'calls with an idempotency key',
      '{COMMANDS_KEPT_MAX} of a device, {COMMANDS_KEPT_BYTES_MAX} of answers, for {COMMAND_KEPT_MS}',
      'the oldest are deleted: their key calls the device again',
    ],
  ],
  History: [
    [
      'messages with history of a root that wait for the core',
      '{HISTORY_WAITING_MESSAGES_MAX}, {HISTORY_WAITING_BYTES_MAX}',
      'a QoS 1 or 2 publisher gets 0x97; QoS 0 is passed on and not stored, which leaves a gap in `number`',
    ],
    [
      'filters of `HISTORY`',
      '{HISTORY_FILTERS_MAX}; {HISTORY_TTL_SECONDS_MIN} to {HISTORY_TTL_SECONDS_MAX} each',
      'the edge does not start',
    ],
    [
      'messages that one SUBSCRIBE replays',
      '{REPLAY_MESSAGES_MAX}',
      'SUBACK 0x97: go on from the time of the last one',
    ],
    [
      'messages of a root in an hour',
      'about 200 a second of 150 bytes',
      'larger partitions in Cassandra than it likes',
    ],
  ],
  'HTTP and the registry': [
    [
      'a device or topic that nobody has ever used',
      'its absence is remembered for {HOME_ABSENT_MS}, of {HOME_ABSENT_ROOTS_MAX} at a time',
      'the store is read again; a device that connects at another pod is unknown for that long at most',
    ],
    ['messages in a batch', '{PUBLISH_BATCH_MAX}', '400'],
    [
      'a page of retained messages or of history',
      '{PAGE_JSON_BYTES_MAX} as JSON, one message always; retained: {RETAINED_PAGES_PER_ANSWER_MAX} questions to the region',
      'the page is shorter, or empty, and goes on with `next`',
    ],
    [
      'a number in JSON, of a shadow or any request',
      'what a double holds: no 1e400, no integer that would be rounded',
      '400 with the field; by MQTT the shadow’s `rejected` names it',
    ],
    [
      'a body without a token (`/v1/provision`)',
      '{PROVISION_BODY_BYTES_MAX}',
      '413; every other body is read only after its token is checked',
    ],
    [
      'idempotency keys of a client',
      '{IDEMPOTENCY_KEYS_MAX}, for {IDEMPOTENCY_KEPT_MS}, in the region that got the request',
      'an older key publishes again',
    ],
    [
      'events that wait for a slow reader',
      '{EVENTS_WAITING_MAX}, {EVENTS_WAITING_BYTES_MAX}',
      'dropped and counted: an event `dropped` reports them',
    ],
    ['attributes, groups of a device', '{ATTRIBUTES_MAX}, {GROUPS_MAX}', '400'],
    ['secrets of a device at a time', '{CREDENTIALS_MAX}', '409'],
    ['devices in one import', '{IMPORT_LINES_MAX}', '400'],
    [
      'wrong secrets of a client',
      'its actor asks the core about one a {ACCESS_ASK_MS_MIN}, after more of them about one each {ACCESS_ASK_MS_MAX}',
      'CONNACK 0x9F, and the core is not asked',
    ],
  ],
  explain: [
    [
      'messages that an actor remembers',
      '{RECENT_TOPICS_MAX} topics, {RECENT_PER_TOPIC_MAX} messages each, in memory',
      'the answer says how far back it can see ([decision 17](decisions/0017-explain.md))',
    ],
  ],
}

interface Constant {
  readonly file: string
  readonly name: string
  readonly value: unknown
  /** As its comment says; of several below one comment the first has it. */
  readonly comment: string
}

export async function limitsText(): Promise<string> {
  const files = globSync('{src,actors,k8s-core}/**/{limits,platform-bounds}.ts', { cwd: PROJECT })
    .map((file) => file.split(path.sep).join('/'))
    .sort()
  const all = await Promise.all([...files, ...MORE_FILES].map(constantsOf))
  const parts = [
    '# Limits',
    '',
    '`npm run limits` writes this page from the constants in the code (`test/docs/limits-text.ts`), and a test compares. To change a limit,',
    'change its constant. To add one: [a new limit](contributing.md#a-new-limit).',
    '',
  ]
  for (const [group, rows] of Object.entries(GROUPS)) {
    parts.push(`## ${group}`, '', '| what | bound | past it |', '|---|---|---|')
    for (const row of rows) parts.push(`| ${row.map((cell) => filled(cell, all.flat())).join(' | ')} |`)
    parts.push('')
  }
  parts.push(
    '## The constants of the limits files',
    '',
    'By file, with their comments. A bound above that is missing here stands beside the schema that checks it (`MORE_FILES` in',
    '`test/docs/limits-text.ts`).',
    '',
  )
  for (const file of files) {
    parts.push(`### \`${file}\``, '', '| constant | value | what it is |', '|---|---|---|')
    for (const { name, value, comment } of all.flat().filter((one) => one.file === file))
      parts.push(`| \`${name}\` | ${shown(name, value)} | ${comment.replaceAll('|', '\\|')} |`)
    parts.push('')
  }
  return parts.join('\n')
}

async function constantsOf(file: string): Promise<Constant[]> {
  const values = (await import(path.join(PROJECT, file))) as Record<string, unknown>
  const text = readFileSync(path.join(PROJECT, file), 'utf8')
  const found: Constant[] = []
  for (const [, comment, name = ''] of text.matchAll(
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export const ([A-Z][A-Z0-9_]*)\b/g,
  )) {
    const value = values[name]
    if (value === undefined || typeof value === 'function') continue
    found.push({ file, name, value, comment: (comment ?? '').replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim() })
  }
  return found
}

function filled(cell: string, constants: readonly Constant[]): string {
  return cell.replaceAll(
    /\{(?:([\w/.-]+):)?([A-Z][A-Z0-9_]*)\}/g,
    (_, file: string | undefined, name: string) => {
      const named = constants.filter((one) => one.name === name && (file === undefined || one.file === file))
      const values = new Set(named.map(({ value }) => shown(name, value)))
      if (values.size !== 1)
        throw new Error(`${values.size} values of ${name}: mend test/docs/limits-text.ts`)
      return [...values][0] ?? ''
    },
  )
}

/** With the unit that its name says. */
export function shown(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => shown(name, one)).join(', ')
  if (typeof value !== 'number') return String(value)
  if (/_BYTES(_|$)/.test(name)) return inUnits(value, BYTES)
  if (/_MS(_|$)/.test(name)) return inUnits(value, TIMES_MS)
  if (/_(SECONDS|S)(_|$)/.test(name)) return inUnits(value * 1000, TIMES_MS)
  return value.toLocaleString('en-US')
}

/** A unit, and from how much of the smallest one on it is used. */
type Unit = readonly [unit: string, size: number, from: number]

const BYTES: readonly Unit[] = [
  ['MiB', 1024 * 1024, 1024 * 1024],
  ['KiB', 1024, 1024],
  ['bytes', 1, 0],
]
/** `60 s` and `24 h` are clearer than `1 min` and `1 day`. */
const TIMES_MS: readonly Unit[] = [
  ['days', 86_400_000, 2 * 86_400_000],
  ['h', 3_600_000, 3_600_000],
  ['min', 60_000, 2 * 60_000],
  ['s', 1000, 1000],
  ['ms', 1, 0],
]

/** In the largest unit that makes it a whole number. */
function inUnits(value: number, units: readonly Unit[]): string {
  const whole = units.find(([, size, from]) => value >= from && value % size === 0)
  const [unit = '', size = 1] = whole ?? units.at(-1) ?? []
  return `${(value / size).toLocaleString('en-US')} ${unit}`
}
