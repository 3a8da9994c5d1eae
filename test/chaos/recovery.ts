// How long after each fault was healed every publisher is acknowledged again.
import type { Happened } from './faults.ts'

export interface Recovered {
  /** The longest from a fault's end, no other fault being under way until then; null without such a fault. */
  readonly undisturbedMs: number | null
  /** The same with the time of later faults in it. */
  readonly longestMs: number
  readonly longestAfter: string
  /** The longest that a publisher went without an acknowledgement of what it published. */
  readonly longestSilenceMs: number
}

export class Recovery {
  /** By publisher: when messages were published, and when their acknowledgement came, in the order of the latter. */
  readonly #acknowledged = new Map<string, { readonly sentAt: number[]; readonly at: number[] }>()

  acknowledged(publisher: string, sentAt: number, at: number): void {
    let list = this.#acknowledged.get(publisher)
    if (list === undefined) {
      list = { sentAt: [], at: [] }
      this.#acknowledged.set(publisher, list)
    }
    list.sentAt.push(sentAt)
    list.at.push(at)
  }

  judge(faults: readonly Happened[], publishers: readonly string[]): Recovered {
    let undisturbedMs: number | null = null
    let longestMs = 0
    let longestAfter = '-'
    for (const fault of faults) {
      const at = Math.max(...publishers.map((publisher) => this.#firstAfter(publisher, fault.healedAt)))
      if (!Number.isFinite(at) || at < 0) continue
      const ms = at - fault.healedAt
      if (ms > longestMs) {
        longestMs = ms
        longestAfter = `${fault.kind} ${fault.target}`
      }
      const disturbed = faults.some(
        (other) => other !== fault && other.beganAt < at && other.healedAt > fault.healedAt,
      )
      if (!disturbed) undisturbedMs = Math.max(undisturbedMs ?? 0, ms)
    }
    const silences = [...this.#acknowledged.values()].map(({ at }) =>
      at.reduce((longest, when, i) => Math.max(longest, when - (at[i - 1] ?? when)), 0),
    )
    return { undisturbedMs, longestMs, longestAfter, longestSilenceMs: Math.max(0, ...silences) }
  }

  /** When something that this publisher sent after that moment was first acknowledged; -Infinity if it sent nothing. */
  #firstAfter(publisher: string, after: number): number {
    const list = this.#acknowledged.get(publisher)
    const i = list?.sentAt.findIndex((sentAt) => sentAt >= after) ?? -1
    return i < 0 ? Number.NEGATIVE_INFINITY : (list?.at[i] ?? Number.NEGATIVE_INFINITY)
  }
}
