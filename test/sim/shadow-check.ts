// Judges what the devices' shadows have at the end.
import { lasts, succeeded } from './history.ts'
import type { World } from './world.ts'

/** An acknowledged update of a shadow is in it at the end, whatever died or was lost: each writes an attribute of its own. */
export function shadowsHaveAll(world: World): void {
  const { history } = world
  for (const published of history.published) {
    if (!published.topic.endsWith('/shadow/update') || published.qos === 0) continue
    // One that expires may do so on its way to the home.
    if (!succeeded(published) || !lasts(published)) continue
    if (history.shadows.get(published.root)?.attributes.has(`p${published.number}`) !== true)
      world.breach('durable', `p${published.number} is not in the shadow of ${published.root}`)
  }
}
