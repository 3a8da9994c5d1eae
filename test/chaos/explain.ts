// The time line around a violation: who published where, answered when, what the receiver did, the faults near it.
import type { Happened } from './faults.ts'
import type { Ledger, Verdict, Violation } from './ledger.ts'

const EXPLAINED_MAX = 6
const NEIGHBOURS = 4
const BEFORE_MS = 8_000
const AFTER_MS = 3_000

export interface Circumstances {
  readonly faults: readonly Happened[]
  readonly notes: readonly { readonly client: string; readonly at: number; readonly what: string }[]
  readonly startedAt: number
}

export function explain(ledger: Ledger, { lost, inversions }: Verdict, about: Circumstances): string[] {
  return [...onePerPair(lost), ...onePerPair(inversions)].map((one) => explainOne(ledger, one, about))
}

/** Hundreds of messages suffer together: the first of each publisher and receiver stands for them. */
function onePerPair(violations: readonly Violation[]): Violation[] {
  const first = new Map<string, Violation>()
  for (const one of violations) {
    const key = `${one.publisher} ${one.root} ${one.receiver}`
    if (!first.has(key)) first.set(key, one)
  }
  return [...first.values()].slice(0, EXPLAINED_MAX)
}

function explainOne(ledger: Ledger, one: Violation, { faults, notes, startedAt }: Circumstances): string {
  const s = (at: number | null | undefined) =>
    at === null || at === undefined || !Number.isFinite(at)
      ? 'never'
      : `${((at - startedAt) / 1000).toFixed(3)} s`
  const stream = ledger.streams.find(
    ({ publisher, root }) => publisher === one.publisher && root === one.root,
  )
  const arrivals = ledger.receivers.get(one.receiver)?.arrivals.get(stream?.index ?? -1)
  const message = (n: number) =>
    `    #${n}: sent ${s(stream?.sentAt[n])}, answered ${s(stream?.answeredAt[n])} with ${stream?.code[n] ?? '-'}, first arrived ${s(arrivals?.firstAt[n])} on ${arrivals?.firstOn[n] ?? '-'}, ${arrivals?.count[n] ?? 0} times`
  const numbers = new Set<number>()
  for (const centre of [one.sequence, one.after?.sequence ?? one.sequence]) {
    for (let n = centre - NEIGHBOURS; n <= centre + NEIGHBOURS; n++)
      if (stream?.sentAt[n] !== undefined) numbers.add(n)
  }
  const from = one.sentAt - BEFORE_MS
  const to = Math.max(one.arrivedAt ?? 0, one.answeredAt ?? 0, one.sentAt) + AFTER_MS
  const order =
    one.after === null ? '' : `, after #${one.after.sequence} of ${s(one.after.arrivedAt)} on ${one.after.on}`
  return [
    `${one.what}: #${one.sequence} of ${one.publisher} (${one.publisherRegion}) to ${one.root}, for ${one.receiver}; sent ${s(one.sentAt)}, answered ${s(stream?.answeredAt[one.sequence])}, arrived ${s(one.arrivedAt)} on ${one.on ?? '-'}${order}`,
    ...[...numbers].sort((a, b) => a - b).map(message),
    ...faults
      .filter(({ beganAt, healedAt }) => healedAt > from && beganAt < to)
      .map(
        ({ kind, target, beganAt, healedAt }) =>
          `    fault: ${kind} ${target} ${s(beganAt)} to ${s(healedAt)}`,
      ),
    ...notes
      .filter(({ client, at }) => [one.receiver, one.publisher].includes(client) && at > from && at < to)
      .map(({ client, at, what }) => `    ${s(at)}: ${client} ${what}`),
  ].join('\n')
}
