// Judges what is retained at the end.
import { HARMLESS } from './faults.ts'
import { lasts, type Published, succeeded } from './history.ts'
import type { World } from './world.ts'

/** The newest retained message is the same in every region, and none that was acknowledged is forgotten. */
export function retainedEverywhere(world: World): void {
  const probes = world.clients.filter(({ id }) => id.startsWith('probe-'))
  const topics = new Set(world.history.published.flatMap(({ topic, retain }) => (retain ? [topic] : [])))
  const orderly = world.faults.only(HARMLESS, 'region losses')
  for (const topic of topics) {
    const given = world.history.delivered.filter(
      ({ published, retain }) => retain && published.topic === topic,
    )
    const found = probes.map(({ id }) => given.find(({ client }) => client === id)?.published.number)
    if (new Set(found).size > 1)
      world.breach('retained', `${topic} has ${found.map((number) => `p${number}`).join(', ')}`)
    const kept = world.history.published.filter((one) => one.topic === topic && one.retain)
    const newest = kept.find(({ number }) => number === found[0])
    // A process that dies may make an older one come again, by a request that was still under way.
    const newer = orderly ? kept.find((one) => supersedes(one, newest)) : undefined
    if (newer !== undefined)
      world.breach('retained', `${topic} has p${found[0]}, and p${newer.number} was acknowledged after it`)
    if (found[0] === undefined && kept.every(lasts) && kept.some((one) => one.qos > 0 && succeeded(one)))
      world.breach('retained', `nothing is retained at ${topic}`)
  }
}

/** Of two that one client publishes to a topic over one connection, the second stays. */
function supersedes(one: Published, kept: Published | undefined): boolean {
  if (kept === undefined || kept.will || one.will || one.resent || kept.resent) return false
  return (
    one.connection === kept.connection &&
    one.number > kept.number &&
    one.qos > 0 &&
    kept.qos > 0 &&
    succeeded(one) &&
    lasts(one)
  )
}
