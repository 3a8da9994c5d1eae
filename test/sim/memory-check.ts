// The memory that an actor holds for others and for its client: never more than its share, and none once it is idle.
import { memoryOf } from '../../actors/memory-budget.ts'
import type { Life } from './actor.ts'
import type { World } from './world.ts'

/** After an event. */
export function memoryWithinShare(life: Life): void {
  const { bytes } = memoryOf(life)
  if (bytes >= 0 && bytes <= life.settings.memoryBytesMax) return
  life.world.breach(
    'memory',
    `${life.actor.name} holds ${bytes} bytes of at most ${life.settings.memoryBytesMax}`,
  )
}

/** Nothing is under way at the actor, which is about to hibernate. */
export function memoryReleased(life: Life): void {
  const { bytes } = memoryOf(life)
  if (bytes !== 0) life.world.breach('memory', `${life.actor.name} is idle and holds ${bytes} bytes`)
}

/** At the end, when all has been quiet for long. */
export function allMemoryReleased({ regions }: World): void {
  for (const { actors } of regions.values())
    for (const { life } of actors.values()) if (life !== null) memoryReleased(life)
}
