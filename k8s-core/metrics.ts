// The core's metrics for Prometheus: how long a change needs to reach the store, and how fast the store answers.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RootChange, SyncResult } from '../src/relay/sync.ts'
import { STORE_SECONDS_BUCKETS, SYNC_LAG_SECONDS_BUCKETS } from './limits.ts'
import type { Store } from './store/port.ts'

export class CoreMetrics {
  readonly #registry = new Registry()
  readonly #lag = new Histogram({
    name: 'starling_sync_lag_seconds',
    help: 'Time from a change at its home until the store has it, without the way from the region to the core',
    buckets: [...SYNC_LAG_SECONDS_BUCKETS],
    registers: [this.#registry],
  })
  readonly #synced = new Counter({
    name: 'starling_sync_total',
    help: 'Changes that homes sent to the store: applied, fenced by a newer home, or failed (the home repeats them)',
    labelNames: ['result'] as const,
    registers: [this.#registry],
  })
  readonly #storeSeconds = new Histogram({
    name: 'starling_store_seconds',
    help: 'Time until the store answered, errors included',
    labelNames: ['operation'] as const,
    buckets: [...STORE_SECONDS_BUCKETS],
    registers: [this.#registry],
  })
  readonly #storeErrors = new Counter({
    name: 'starling_store_errors_total',
    help: 'Operations of the store that failed or timed out',
    labelNames: ['operation'] as const,
    registers: [this.#registry],
  })

  readonly #storeUp = new Gauge({
    name: 'starling_store_up',
    help: '1 if the store answered the last readiness probe, 0 if not: then only what needs no store is served',
    registers: [this.#registry],
  })

  constructor() {
    // Exported as zero from the start: a rate needs the zero before the first count.
    for (const result of ['applied', 'fenced', 'failed'] satisfies SyncResult[])
      this.#synced.inc({ result }, 0)
    // Metrics of the process: CPU, memory, the event loop's delay.
    collectDefaultMetrics({ register: this.#registry })
  }

  /**
   * A region's clock may be minutes off. So the region's clock measures the age of a change, and this process's clock the
   * store's share (decision 12).
   * @param ms from the core's receipt until the store had it
   */
  synced({ since, clock }: RootChange, result: SyncResult, ms: number): void {
    this.#synced.inc({ result })
    if (result === 'applied' && since !== null) this.#lag.observe((Math.max(0, clock - since) + ms) / 1000)
  }

  storeAnswers(answers: boolean): void {
    this.#storeUp.set(answers ? 1 : 0)
  }

  /** The same store, its answers timed and its errors counted. */
  observed<S extends Store>(store: S): S {
    return this.#observed(store, '')
  }

  #observed<T extends object>(store: T, prefix: string): T {
    return new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target)
        // A part of the store with operations of its own.
        if (typeof method === 'object' && method !== null) return this.#observed(method, `${String(name)}.`)
        if (typeof method !== 'function') return method
        // `now` is local and runs with every other operation: timing it says nothing.
        if (name === 'now') return method.bind(target)
        return (...parameters: unknown[]) =>
          this.#timed(
            `${prefix}${String(name)}`,
            () => Reflect.apply(method, target, parameters) as Promise<unknown>,
          )
      },
    })
  }

  async response(): Promise<Response> {
    return new Response(await this.#registry.metrics(), {
      headers: { 'content-type': this.#registry.contentType },
    })
  }

  async #timed(operation: string, call: () => Promise<unknown>): Promise<unknown> {
    const end = this.#storeSeconds.startTimer({ operation })
    try {
      return await call()
    } catch (cause) {
      this.#storeErrors.inc({ operation })
      throw cause
    } finally {
      end()
    }
  }
}
