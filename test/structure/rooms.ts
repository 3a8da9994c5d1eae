// The rooms of a device and of a leaf: what each is for, and its doors, the files that other rooms may import. The files beside
// the rooms (device-parts.ts, leaf.ts) make the rooms' objects, so they may import any.
import path from 'node:path'
import { importsOf, type Source } from './sources.ts'

export interface Room {
  readonly is: string
  /** A door that no other room uses is none. */
  readonly doors: readonly string[]
}

export const ROOMS: Readonly<Record<string, Room>> = {
  'actors/device/admission': { is: 'from a new socket to CONNACK: who may connect', doors: [] },
  'actors/device/commands': { is: 'calls of the device, and their answers', doors: [] },
  'actors/device/connection': {
    is: 'the live connection, and what of it survives hibernation',
    doors: ['attachment-writer.ts', 'attachment.ts', 'live.ts'],
  },
  'actors/device/explain': { is: 'facts about the client for `explain`', doors: ['device-facts.ts'] },
  'actors/device/handover': { is: 'the session moves to another region, or comes from one', doors: [] },
  'actors/device/presence': {
    is: 'presence events, and the `$SYS` topics',
    doors: ['presence.ts', 'system-topics.ts'],
  },
  'actors/device/replay': {
    is: 'what a subscription begins with: history and retained messages, as the client takes them',
    doors: ['retained-replay.ts'],
  },
  'actors/device/session': {
    is: 'the session: its storage, queue, will, subscriptions and publishes',
    doors: [
      'dropped-messages.ts',
      'registrar.ts',
      'seen-origins.ts',
      'session-store.ts',
      'subscription-requests.ts',
    ],
  },
  'actors/device/shadow': {
    is: 'the state documents of the device',
    doors: ['shadow-deltas.ts', 'shadows.ts'],
  },
  'actors/leaf/delivery': {
    is: 'subscribers of this region, shared groups, and the way to them',
    doors: ['fan-out.ts', 'local-delivery.ts', 'sharing.ts', 'subscribers.ts'],
  },
  'actors/leaf/handover': {
    is: 'the state of a root on its way to another region',
    doors: ['moved-rows.ts', 'staged-state.ts'],
  },
  'actors/leaf/home': {
    is: 'which region is the home, and how it becomes that',
    doors: ['home-knowledge.ts', 'home.ts', 'new-root.ts', 'waiting-messages.ts'],
  },
  'actors/leaf/interest': {
    is: 'which regions want the messages of a root',
    doors: ['interest-registration.ts', 'interests.ts'],
  },
  'actors/leaf/links': {
    is: 'the ways to the uplinks and the WideActors, and from them',
    doors: ['received-envelopes.ts', 'uplinks.ts', 'wide-link.ts'],
  },
  'actors/leaf/stages': {
    is: 'what a home does with a message, in order',
    doors: ['history.ts', 'retained.ts', 'stage.ts'],
  },
  'actors/leaf/sync': {
    is: "from a home's storage to the core's store",
    doors: ['marks.ts', 'store-sync.ts'],
  },
}

function roomOf(file: string): string | undefined {
  return Object.keys(ROOMS).find((room) => file.startsWith(`${room}/`))
}

/** Each import that goes into a room by something other than a door, as a sentence. */
export function importsThroughWalls(source: Source): string[] {
  return importsOf(source)
    .filter((name) => {
      const room = roomOf(name)
      if (room === undefined || room === roomOf(source.file)) return false
      if (path.posix.dirname(source.file) === path.posix.dirname(room)) return false
      return ROOMS[room]?.doors.includes(path.posix.basename(name)) !== true
    })
    .map((name) => `${source.file} imports ${name}, which is no door of ${roomOf(name)}`)
}
