// The settings of this deployment from its environment: a number that cannot be served stops the deployment.
import { DEFAULT_FLEET, type FleetId, parseFleetId } from '../../../src/id/ids.ts'
import { PACKET_BYTES_MAX } from '../../../src/mqtt/limits.ts'
import { KEEP_ALIVE_SECONDS_MIN, QUEUE_MESSAGES_MAX } from '../../../src/session/limits.ts'
import type { WhenFull } from '../../../src/session/queue-room.ts'
import {
  ACTOR_MEMORY_BYTES_MAX,
  MOVE_PAGE_BYTES_MAX,
  OUTBOX_MESSAGES_MAX,
  UNPROVEN_UPGRADES_MAX,
} from '../../limits.ts'
import type { Settings } from '../../platform.ts'
import { chosenTopics } from './chosen-topics.ts'
import type { Env } from './env.ts'

/** Keep Alive has two bytes. */
const KEEP_ALIVE_SECONDS_MAX = 65_535
/** CONNECT and its answer must fit. */
const PACKET_BYTES_MIN = 1024
const UPLINK_SHARDS_DEFAULT = 8
const UPLINK_SHARDS_MAX = 1_024

/** Throws an Error that names the setting. */
export function settingsOf(env: Env): Settings {
  return {
    serverKeepAliveSeconds: whole(
      env,
      'SERVER_KEEP_ALIVE_SECONDS',
      KEEP_ALIVE_SECONDS_MIN,
      0,
      KEEP_ALIVE_SECONDS_MAX,
    ),
    // Calls and rows are bounded for packets of this size (limits-check.ts).
    packetBytesMax: whole(env, 'PACKET_BYTES_MAX', PACKET_BYTES_MAX, PACKET_BYTES_MIN, PACKET_BYTES_MAX),
    outboxMessagesMax: whole(env, 'OUTBOX_MESSAGES_MAX', OUTBOX_MESSAGES_MAX, 1, 10 * OUTBOX_MESSAGES_MAX),
    pageBytesMax: MOVE_PAGE_BYTES_MAX,
    memoryBytesMax: ACTOR_MEMORY_BYTES_MAX,
    queue: { messagesMax: QUEUE_MESSAGES_MAX, whenFull: whenFull(env) },
    clientTokenSecret: env.CLIENT_TOKEN_SECRET,
    moveTo: env.MOVE_TO === undefined || env.MOVE_TO === '' ? null : env.MOVE_TO,
    presence: env.PRESENCE !== 'off',
    history: chosenTopics(env),
  }
}

export function uplinkShards(env: Env): number {
  return whole(env, 'UPLINK_SHARDS', UPLINK_SHARDS_DEFAULT, 1, UPLINK_SHARDS_MAX)
}

/** Drops the oldest unless it is set to refuse. */
function whenFull({ QUEUE_WHEN_FULL: text }: Env): WhenFull {
  if (text === undefined || text === '' || text === 'drop-oldest') return 'drop-oldest'
  if (text === 'refuse') return text
  throw new Error(`QUEUE_WHEN_FULL is '${text}': it must be drop-oldest or refuse`)
}

export function unprovenPerMinute(env: Env): number {
  return whole(env, 'UNPROVEN_PER_MINUTE', UNPROVEN_UPGRADES_MAX, 1, 1_000_000)
}

/** Whether a fleet is `default` or listed. Throws an Error that names the setting. */
export function listedFleets({ FLEETS: text = '' }: Pick<Env, 'FLEETS'>): (fleet: FleetId) => boolean {
  const names = text.split(',').map((one) => one.trim())
  if (names.includes('*')) return () => true
  const fleets = new Set<string>([DEFAULT_FLEET])
  for (const name of names) {
    if (name === '') continue
    if (parseFleetId(name) === null) throw new Error(`FLEETS has '${name}': not a fleet`)
    fleets.add(name)
  }
  return (fleet) => fleets.has(fleet)
}

function whole(
  env: Env,
  name:
    | 'SERVER_KEEP_ALIVE_SECONDS'
    | 'PACKET_BYTES_MAX'
    | 'OUTBOX_MESSAGES_MAX'
    | 'UPLINK_SHARDS'
    | 'UNPROVEN_PER_MINUTE',
  unset: number,
  min: number,
  max: number,
): number {
  const { [name]: text } = env
  if (text === undefined || text === '') return unset
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`${name} is '${text}': it must be a whole number from ${min} to ${max}`)
  return value
}
