// What happened in each second of a run: acknowledgements and their latency, arrivals, refusals.

export interface Second {
  readonly acknowledged: number
  readonly arrived: number
  readonly refused: number
  /** Of what was acknowledged in this second; null where nothing was. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

export class Seconds {
  readonly #startedAt: number
  readonly #latencies: number[][] = []
  readonly #arrived: number[] = []
  readonly #refused: number[] = []

  constructor(startedAt: number) {
    this.#startedAt = startedAt
  }

  answered(at: number, latencyMs: number, accepted: boolean): void {
    const second = this.#second(at)
    if (!accepted) this.#refused[second] = (this.#refused[second] ?? 0) + 1
    else if (this.#latencies[second] === undefined) this.#latencies[second] = [latencyMs]
    else this.#latencies[second]?.push(latencyMs)
  }

  arrived(at: number): void {
    const second = this.#second(at)
    this.#arrived[second] = (this.#arrived[second] ?? 0) + 1
  }

  all(): Second[] {
    const length = Math.max(this.#latencies.length, this.#arrived.length, this.#refused.length)
    return Array.from({ length }, (_, i) => {
      const latencies = this.#latencies[i] ?? []
      return {
        acknowledged: latencies.length,
        arrived: this.#arrived[i] ?? 0,
        refused: this.#refused[i] ?? 0,
        p50Ms: percentile(latencies, 0.5),
        p99Ms: percentile(latencies, 0.99),
      }
    })
  }

  /** Latencies of all that was acknowledged between two moments. */
  between(from: number, to: number): number[] {
    return this.#latencies.slice(this.#second(from), this.#second(to)).flatMap((some) => some ?? [])
  }

  #second(at: number): number {
    return Math.max(0, Math.floor((at - this.#startedAt) / 1000))
  }
}

export function percentile(values: readonly number[], part: number): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null
}
