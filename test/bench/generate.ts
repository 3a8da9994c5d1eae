import { join } from 'node:path'
import type { Children } from '../load/children.ts'
import type { Job, Reply, ResultOf } from './generator.ts'

/** Performs a job in a process of its own. */
export async function generate<J extends Job>(job: J, children: Children): Promise<ResultOf<J>> {
  const generator = children.start(process.execPath, [join(import.meta.dirname, 'generator.ts')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const answer = new Promise<Reply>((resolve) => generator.process.once('message', resolve))
  // All that it has said is heard before this, though its end may be noticed earlier.
  const silent = new Promise<void>((resolve) => generator.process.once('disconnect', resolve))
  generator.process.send(job)
  const reply = await Promise.race([
    answer,
    generator.ended.then(async (code): Promise<Reply> => {
      await silent
      return { failed: `the load generator ended with ${code}` }
    }),
  ])
  if ('failed' in reply) throw new Error(reply.failed)
  await generator.ended
  return reply.result as ResultOf<J>
}
