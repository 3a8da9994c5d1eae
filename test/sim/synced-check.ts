// Judges what the core's store was given of what homes have changed.
import type { World } from './world.ts'

/**
 * Some time after the last fault, before anybody calls an actor for another reason, no home has anything left that the store
 * does not have: whoever lost its memory meanwhile was woken for it.
 */
export function everythingSynced(world: World): void {
  for (const { id, actors } of world.regions.values()) {
    for (const { name, storage } of actors.values()) {
      if (!storage.has('home') || !storage.has('unsynced')) continue
      const [home] = storage.exec('SELECT state FROM home')
      // What a former home has yet, its successor asks it for.
      if (home === undefined || home.state === 'handed-over' || home.state === 'passed-over') continue
      for (const { kind, key } of storage.exec('SELECT kind, key FROM unsynced'))
        world.breach('synced', `the store lacks ${kind} ${key} of ${name} in ${id}`)
    }
  }
}
