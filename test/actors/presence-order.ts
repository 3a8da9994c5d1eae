// What presence promises to a subscriber that drops what is not above the last event, by epoch and then by sequence.
import type { PresenceEvent } from '../../src/relay/presence.ts'

/** What such a subscriber has. */
export function above(events: readonly PresenceEvent[]): PresenceEvent[] {
  const kept: PresenceEvent[] = []
  for (const event of events) {
    const last = kept.at(-1)
    if (
      last === undefined ||
      event.epoch > last.epoch ||
      (event.epoch === last.epoch && event.sequence > last.sequence)
    )
      kept.push(event)
  }
  return kept
}

/**
 * What is wrong with what it has. Within an epoch each number is one more, and the states alternate; so they do into the
 * next epoch, but where that began from the core's store, which may not have had the last ones: then no number is passed
 * over either.
 */
export function disorder(events: readonly PresenceEvent[]): string[] {
  const wrong: string[] = []
  for (const [i, event] of above(events).entries()) {
    const before = above(events)[i - 1]
    if (before === undefined) continue
    const pair = `${told(before)} and then ${told(event)}`
    if (event.sequence > before.sequence + 1) wrong.push(`a gap: ${pair}`)
    if (event.sequence === before.sequence + 1 && event.state === before.state) wrong.push(`twice: ${pair}`)
  }
  return wrong
}

export function told({ epoch, sequence, state }: PresenceEvent): string {
  return `${state} ${sequence}@${epoch}`
}
