// Runs batches of fuzz cases in worker threads, under a watchdog: a case that does not end is a failure that is named.
import { Worker } from 'node:worker_threads'
import type { Batch, Failure, Fuzz } from './fuzz.ts'
import type { BatchResult, WorkerInput } from './worker.ts'

export interface PoolOptions {
  /** Where the properties come from; see WorkerInput. */
  readonly module: string
  readonly properties: readonly Fuzz[]
  readonly workers: number
  /** A case that takes longer hangs. */
  readonly hangMs: number
  done(result: BatchResult): void
}

export interface Failed {
  readonly name: string
  readonly failure: Failure
}

/** Until all batches are done or one has failed. */
export async function runBatches(batches: readonly Batch[], options: PoolOptions): Promise<Failed | null> {
  const left = [...batches]
  const ending = new AbortController()
  const workers = Array.from({ length: Math.min(options.workers, left.length) }, () =>
    runWorker(left, options, ending.signal),
  )
  try {
    return await Promise.race([
      ...workers.map((worker) => worker.then((failed) => failed ?? new Promise<never>(() => undefined))),
      Promise.all(workers).then(() => null),
    ])
  } finally {
    ending.abort()
    await Promise.allSettled(workers)
  }
}

/** One worker, which takes batches off the list until none is left. */
async function runWorker(left: Batch[], options: PoolOptions, ending: AbortSignal): Promise<Failed | null> {
  const begun = new SharedArrayBuffer(4)
  const progress = new Int32Array(begun)
  const workerData: WorkerInput = { module: options.module, begun }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData })
  let current: Batch | null = null
  let watch: NodeJS.Timeout | undefined
  try {
    return await new Promise<Failed | null>((resolve, reject) => {
      let seen = -1
      let seenAt = performance.now()
      watch = setInterval(
        () => {
          const now = performance.now()
          const index = Atomics.load(progress, 0)
          if (current === null || index !== seen) {
            seen = index
            seenAt = now
          } else if (now - seenAt > options.hangMs) {
            resolve({ name: current.name, failure: hang(options, current, index) })
          }
        },
        Math.min(500, options.hangMs / 4),
      )
      worker.on('error', (error) => {
        if (current === null) reject(error)
        else
          resolve({ name: current.name, failure: crash(options, current, Atomics.load(progress, 0), error) })
      })
      worker.on('message', (message: 'ready' | BatchResult) => {
        if (message !== 'ready') {
          options.done(message)
          if (message.failure !== null) {
            resolve({ name: message.batch.name, failure: message.failure })
            return
          }
        }
        current = left.shift() ?? null
        if (current === null) {
          resolve(null)
          return
        }
        seen = -1
        Atomics.store(progress, 0, 0)
        worker.postMessage(current)
      })
      ending.addEventListener('abort', () => resolve(null))
    })
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}

function hang(options: PoolOptions, batch: Batch, begun: number): Failure {
  const error = `no end within ${options.hangMs} ms`
  // Past the batch's cases it was a smaller form of one that had failed.
  return { ...named(options, batch, Math.min(begun, batch.cases)), error }
}

function crash(options: PoolOptions, batch: Batch, begun: number, error: Error): Failure {
  return { ...named(options, batch, Math.min(begun, batch.cases)), error: error.stack ?? error.message }
}

/** @param begun how many cases the worker had begun: the last of them is the one */
function named(
  options: PoolOptions,
  batch: Batch,
  begun: number,
): Pick<Failure, 'replay' | 'counterexample'> {
  const index = Math.max(begun - 1, 0)
  const property = options.properties.find(({ name }) => name === batch.name)
  return { replay: `${batch.seed}:${index}`, counterexample: property?.show(batch.seed, index) ?? '' }
}
