// The topics that have a history, and how long it is: the setting `HISTORY`, `devices/+/telemetry=7d,rooms/#=1d`.
import { isTopicFilter, matches, overlap, parseShared } from '../mqtt/topic.ts'
import { parseDuration } from './duration.ts'
import { HISTORY_FILTERS_MAX, HISTORY_TTL_SECONDS_MAX, HISTORY_TTL_SECONDS_MIN } from './limits.ts'

interface Choice {
  readonly filter: string
  readonly ttlSeconds: number
}

export class ChosenTopics {
  private readonly choices: readonly Choice[]

  constructor(choices: readonly Choice[]) {
    this.choices = choices
  }

  /** How long the history keeps a message of this topic: the longest time of the matching filters; 0 for none. */
  ttlSeconds(topic: string): number {
    let longest = 0
    for (const { filter, ttlSeconds } of this.choices)
      if (ttlSeconds > longest && matches(filter, topic)) longest = ttlSeconds
    return longest
  }

  /** Whether some topic of the filter has history. */
  mayKeep(filter: string): boolean {
    return this.choices.some((choice) => overlap(choice.filter, filter))
  }

  get any(): boolean {
    return this.choices.length > 0
  }
}

export const NO_HISTORY = new ChosenTopics([])

/**
 * @param setting topic filters, each with a time to live, separated by commas; empty for none
 * Throws an Error that names the wrong entry and the reason.
 */
export function parseChosen(setting: string): ChosenTopics {
  const entries = setting
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  if (entries.length > HISTORY_FILTERS_MAX)
    throw new Error(`HISTORY has ${entries.length} filters; at most ${HISTORY_FILTERS_MAX} are possible`)
  if (entries.length === 0) return NO_HISTORY
  return new ChosenTopics(entries.map(choiceOf))
}

function choiceOf(entry: string): Choice {
  const wrong = (why: string) => new Error(`HISTORY: '${entry}' ${why}`)
  const at = entry.lastIndexOf('=')
  if (at < 0) throw wrong('has no time to live; it should be filter=7d')
  const filter = entry.slice(0, at).trim()
  if (!isTopicFilter(filter)) throw wrong('begins with something that is no topic filter')
  if (parseShared(filter) !== null) throw wrong('is a shared subscription; only plain filters choose topics')
  if (filter.startsWith('$'))
    throw wrong(
      'begins with $: choose devices/<id>/shadow/… for what AWS IoT calls $aws/things/<id>/shadow/…',
    )
  const ttlSeconds = parseDuration(entry.slice(at + 1).trim())
  if (ttlSeconds === null) throw wrong('has no time to live such as 90s, 30m, 12h, 7d, 2w or P7D')
  if (ttlSeconds < HISTORY_TTL_SECONDS_MIN || ttlSeconds > HISTORY_TTL_SECONDS_MAX)
    throw wrong(`must live for ${HISTORY_TTL_SECONDS_MIN} s to ${HISTORY_TTL_SECONDS_MAX / 86_400} days`)
  return { filter, ttlSeconds }
}
