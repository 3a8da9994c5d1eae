// Ages and numbers as words of a sentence.

/** `250 ms`, `4.2 s`, `3 min`, `5 h`, `2 days`. */
export function lasting(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 48 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} days`
}

export function ago(ms: number): string {
  return `${lasting(ms)} ago`
}

/** `1 message`, `3 messages`. */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

/** `0x97`. */
export function code(reason: number): string {
  return `0x${reason.toString(16).padStart(2, '0')}`
}
