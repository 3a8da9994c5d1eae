// Records the life of a session, its start and then each input with its effects, and replays it in a new session.
import assert from 'node:assert/strict'
import type { Effect } from '../../src/session/effect.ts'
import type { SessionInput, SessionStart } from '../../src/session/input.ts'
import { Session } from '../../src/session/session.ts'

export interface Recording {
  readonly start: SessionStart
  readonly steps: { readonly input: SessionInput; readonly effects: readonly Effect[] }[]
}

export class RecordedSession extends Session {
  readonly recording: Recording

  constructor(start: SessionStart) {
    super(start)
    this.recording = { start: copyOf(start), steps: [] }
  }

  override step(input: SessionInput): Effect[] {
    const before = copyOf(input)
    const effects = super.step(input)
    // Copied, or a change that the session makes later would stand in the recording too.
    this.recording.steps.push({ input: before, effects: copyOf(effects) })
    return effects
  }
}

/** Throws where a new session answers an input with other effects than the recorded ones. */
export function replay({ start, steps }: Recording): void {
  const session = new Session(start)
  for (const { input, effects } of steps) assert.deepStrictEqual(session.step(input), effects)
}

/** A deep copy that shares bytes, which are large and never changed. Throws for anything but data. */
function copyOf<T>(value: T): T {
  if (value instanceof Uint8Array || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf) as T
  switch (typeof value) {
    case 'object': {
      const copy: Record<string, unknown> = {}
      for (const key in value) copy[key] = copyOf(value[key])
      return copy as T
    }
    case 'function':
    case 'symbol':
      throw new Error(`a ${typeof value} is no data`)
    default:
      return value
  }
}
