export type Quantiles = { readonly p50: number; readonly p99: number; readonly max: number }

/** Durations in milliseconds. */
export class Samples {
  readonly #values: number[] = []

  add(value: number): void {
    this.#values.push(value)
  }

  /** Null where nothing was measured. */
  quantiles(): Quantiles | null {
    const sorted = Float64Array.from(this.#values).sort()
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return sorted.length === 0 ? null : { p50: at(0.5), p99: at(0.99), max: at(1) }
  }
}
