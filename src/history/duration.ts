// Durations and instants as people and settings write them: `7d`, `PT1H`, `2026-07-01T12:00:00Z`.

const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
const SHORT = /^(\d{1,9})([smhdw])$/
/** ISO 8601, without months and years, whose lengths differ. */
const ISO =
  'P(?!$)(?:(\\d{1,9})W)?(?:(\\d{1,9})D)?(?:T(?!$)(?:(\\d{1,9})H)?(?:(\\d{1,9})M)?(?:(\\d{1,9})S)?)?'
const DAY = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])'
const HOURS = '(?:[01]\\d|2[0-3]):[0-5]\\d'
const DURATION = new RegExp(`^${ISO}$`)
/** All texts that `parseInstant` accepts. */
export const INSTANT = new RegExp(
  `^(?:\\d{11,15}|\\d{1,9}[smhdw]|${ISO}|${DAY}(?:T${HOURS}(?::[0-5]\\d(?:\\.\\d{1,9})?)?(?:Z|[+-]${HOURS}))?)$`,
)

/** Seconds of `90s`, `30m`, `12h`, `7d`, `2w`, or of an ISO 8601 duration (`PT1H`, `P7D`); null for anything else. */
export function parseDuration(text: string): number | null {
  const short = SHORT.exec(text)
  if (short !== null) return Number(short[1]) * (UNIT_S[short[2] ?? ''] ?? 0)
  const iso = DURATION.exec(text)
  if (iso === null) return null
  const [weeks, days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0))
  return (
    (weeks ?? 0) * 604_800 + (days ?? 0) * 86_400 + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)
  )
}

/**
 * Milliseconds since the epoch of an ISO 8601 instant (a date alone is its midnight UTC), of a count of milliseconds, or of a
 * duration that ends at `now`; null for anything else.
 */
export function parseInstant(text: string, now: number): number | null {
  if (!INSTANT.test(text)) return null
  if (/^\d+$/.test(text)) return Number(text)
  const seconds = parseDuration(text)
  if (seconds !== null) return Math.max(0, Math.floor(now - seconds * 1000))
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : Math.max(0, at)
}
