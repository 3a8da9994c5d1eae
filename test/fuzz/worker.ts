// A worker of a fuzz run: tries the batches that it is sent, and shows in shared memory how far it is.
import { parentPort, workerData } from 'node:worker_threads'
import type { Batch, Failure, Fuzz } from './fuzz.ts'

export interface WorkerInput {
  /** A module that exports PROPERTIES. */
  readonly module: string
  /** The number of cases begun in the batch. */
  readonly begun: SharedArrayBuffer
}

export interface BatchResult {
  readonly batch: Batch
  readonly ms: number
  readonly failure: Failure | null
}

const { module, begun } = workerData as WorkerInput
const { PROPERTIES } = (await import(module)) as { readonly PROPERTIES: readonly Fuzz[] }
const port = parentPort
if (port === null) throw new Error('to be started as a worker')
const progress = new Int32Array(begun)

port.on('message', (batch: Batch) => {
  const property = PROPERTIES.find(({ name }) => name === batch.name)
  if (property === undefined) throw new Error(`no property ${batch.name}`)
  const start = performance.now()
  const failure = property.run(batch.seed, batch.cases, (index) => Atomics.store(progress, 0, index + 1))
  const result: BatchResult = { batch, ms: performance.now() - start, failure }
  // After what the cases left behind, so that an error of theirs is not taken for another batch's.
  setImmediate(() => port.postMessage(result))
})
port.postMessage('ready')
