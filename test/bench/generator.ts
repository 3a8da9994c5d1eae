// The load generator's process: one job in, one result out. It is forked for each measurement, so that none inherits
// another's heap.
import { type PairsJob, type PairsResult, runPairs } from './pairs-job.ts'

/** Each kind of job with its result; a new kind of measurement adds a line here and in `perform`. */
export type Jobs = { pairs: { job: PairsJob; result: PairsResult } }
export type Job = Jobs[keyof Jobs]['job']
export type ResultOf<J extends Job> = Jobs[J['kind']]['result']
export type Reply = { readonly result: unknown } | { readonly failed: string }

function perform(job: Job): Promise<unknown> {
  switch (job.kind) {
    case 'pairs':
      return runPairs(job)
    default:
      return job.kind satisfies never
  }
}

process.once('message', (job: Job) => {
  const reply = (message: Reply): void => {
    // After a failure connections may still be open.
    process.send?.(message, () => process.exit(0))
  }
  perform(job).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ failed: error instanceof Error ? error.message : String(error) }),
  )
})
