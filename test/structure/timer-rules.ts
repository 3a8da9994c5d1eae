// Timers of the actors: a running one keeps its actor in memory, which a silent client must not cost (promise 8). So each timer stands
// here with the longest time that it can run and why it ends by then, and an interval is not allowed at all.
import {
  ATTACHMENT_DELAY_MS,
  CALL_ROOM_WAIT_MS,
  CONFIRM_AGAIN_MS,
  CONNECT_WAIT_MS,
  COURIER_COALESCE_MS,
  COURIER_RETRY_MS,
  FENCE_LOOK_MS,
  GLOBAL_SYNC_WAIT_MS,
  REPLAY_HOLD_MS_MAX,
  REPLAY_LOOK_MS,
  RESOLVE_WAIT_MS,
  RETAINED_REPLAY_RETRY_MS,
  SYNC_EVERY_MS,
  SYNC_GATHER_MS,
  SYNC_PAUSE_MS,
  UPLINK_COALESCE_MS,
  UPLINK_PATIENCE_MS,
  UPLINK_RETRY_MS_MAX,
  UPLINK_STORE_AFTER_MS,
  WIDE_GRANT_MARGIN_MS,
  WIDE_GRANT_MS,
  WILL_ASK_MS,
} from '../../actors/limits.ts'
import { STALL_MS } from '../../src/session/limits.ts'
import type { Source } from './sources.ts'

export interface Timers {
  /** Places in the file that start one. */
  readonly places: number
  readonly longestMs: number
  readonly why: string
}

/** No timer of an actor runs longer. */
export const ACTOR_TIMER_MS_MAX = 30_000

const LAST_CONFIRM_MS = CONFIRM_AGAIN_MS.at(-1) ?? 0

/** Timers of actors, by file. */
export const ACTOR_TIMERS: Readonly<Record<string, Timers>> = {
  'actors/calls/courier.ts': {
    places: 2,
    longestMs: Math.max(COURIER_COALESCE_MS, ...COURIER_RETRY_MS),
    why: 'records wait for the next call, or for its next try: after the last one they are given up',
  },
  'actors/calls/call-room.ts': {
    places: 1,
    longestMs: CALL_ROOM_WAIT_MS,
    why: 'while calls wait for room, which the time itself makes',
  },
  'actors/calls/waits.ts': {
    places: 3,
    longestMs: Math.max(FENCE_LOOK_MS, RESOLVE_WAIT_MS, ...COURIER_RETRY_MS),
    why: 'a wait that its caller bounds',
  },
  'actors/leaf/sync/store-sync.ts': {
    places: 3,
    longestMs: Math.max(GLOBAL_SYNC_WAIT_MS, LAST_CONFIRM_MS * 1.5, 2 * SYNC_EVERY_MS),
    why: 'the core is asked again a few times after a CONNECT; a longer wait is left to the alarm',
  },
  'actors/uplink/settlement.ts': {
    places: 1,
    longestMs: UPLINK_STORE_AFTER_MS / 4,
    why: 'while a sender waits: after UPLINK_STORE_AFTER_MS its message is stored',
  },
  'actors/uplink/dispatch.ts': {
    places: 2,
    longestMs: Math.max(UPLINK_RETRY_MS_MAX * 1.5, UPLINK_COALESCE_MS),
    why: 'an outbox with messages in it tries its destination again',
  },
  'actors/uplink/call-slots.ts': {
    places: 1,
    longestMs: UPLINK_PATIENCE_MS,
    why: 'while a destination waits for a call that others have',
  },
  'actors/uplink/uplink.ts': { places: 1, longestMs: 0, why: 'once, when the uplink starts' },
  'actors/uplink/syncer.ts': {
    places: 2,
    longestMs: Math.max(SYNC_GATHER_MS, SYNC_PAUSE_MS),
    why: 'while an actor waits for its sync, which is given up after SYNC_HELD_MS_MAX',
  },
  'actors/wide/filter-announcer.ts': {
    places: 1,
    longestMs: WIDE_GRANT_MS + WIDE_GRANT_MARGIN_MS,
    why: 'a wide SUBACK waits until no grant is in use',
  },
  'actors/front/front.ts': {
    places: 1,
    longestMs: CONNECT_WAIT_MS,
    why: 'a socket without CONNECT is closed',
  },
  'actors/device/admission/arrivals.ts': {
    places: 1,
    longestMs: CONNECT_WAIT_MS,
    why: 'a socket without CONNECT is closed',
  },
  'actors/device/session/redistribution.ts': {
    places: 1,
    longestMs: 0,
    why: 'once, when the client has left',
  },
  'actors/device/session/last-will.ts': {
    places: 1,
    longestMs: WILL_ASK_MS,
    why: 'once, when the actor starts',
  },
  'actors/device/session/movable-timer.ts': {
    places: 1,
    longestMs: STALL_MS,
    why: 'an unacknowledged delivery: after this time it is stored',
  },
  'actors/device/replay/history-replay.ts': {
    places: 1,
    longestMs: REPLAY_HOLD_MS_MAX,
    why: 'while a replay runs, which a client that acknowledges nothing ends',
  },
  'actors/device/replay/client-room.ts': {
    places: 1,
    longestMs: REPLAY_LOOK_MS,
    why: 'while a replay waits for the client, which a client that acknowledges nothing ends',
  },
  'actors/device/replay/retained-replay.ts': {
    places: 1,
    longestMs: RETAINED_REPLAY_RETRY_MS,
    why: 'while a page of retained messages cannot be read, for at most REPLAY_STALL_MS',
  },
  'actors/device/connection/attachment-writer.ts': {
    places: 1,
    longestMs: ATTACHMENT_DELAY_MS,
    why: 'after a packet; a partial packet repeats it up to PARTIAL_PACKET_MS_MAX',
  },
}

/** Platform timers and intervals outside of actors. A request in the Worker does not hibernate: it ends with its client. */
export const REQUEST_TIMERS: Readonly<Record<string, string>> = {
  'actors/http/event-stream.ts': 'an open stream of events is a request, and says that it stands',
  'actors/http/event-subscriber.ts': 'the same stream keeps its MQTT connection alive',
  'actors/http/command-route.ts':
    'a request that waits for an answer of a device, at most COMMAND_UNREACHED_MS_MAX',
  'actors/http/region-facts.ts':
    'a request that waits for an actor, at most EXPLAIN_ACTOR_MS or EXPLAIN_CORE_MS',
  'actors/hosts/workerd/core-fetch.ts': 'one call of the core: cleared with its answer or its time limit',
  'actors/hosts/workerd/workerd-platform.ts': 'what `after` of the port is made of',
}

const PLATFORM_TIMER = /\bset(?:Interval|Timeout|Immediate)\(/g
const ACTOR_TIMER = /\bplatform\.after\(/g

function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/[^\n]*/g, '$1')
}

/** Each timer that is not listed, as a sentence. */
export function unlistedTimers({ file, text }: Source): string[] {
  const code = codeOf(text)
  const found: string[] = []
  const listed = file in REQUEST_TIMERS
  for (const [call] of code.matchAll(PLATFORM_TIMER))
    if (!listed) found.push(`${file} calls ${call}…): an actor uses platform.after, and has no interval`)
  const places = [...code.matchAll(ACTOR_TIMER)].length
  const known = ACTOR_TIMERS[file]?.places ?? 0
  if (places !== known) found.push(`${file} starts timers in ${places} places, and ${known} are listed`)
  return found
}
