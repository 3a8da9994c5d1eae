// The bound of a page of a state that moves: its rows fit, unless it has one row only.
import type { HandoverState } from '../../src/relay/home.ts'
import type { World } from './world.ts'

export function checkPage(world: World, { session, retained, shadows }: HandoverState): void {
  const rows = [
    ...(session?.queue ?? []).map(({ delivery }) => delivery.length),
    ...(session?.subscriptions ?? []).map((one) => JSON.stringify(one).length),
    ...(session?.seen ?? []).map((name) => name.length),
    // The last page has the presence event besides.
    ...retained.flatMap(({ topic, record }) => (topic.startsWith('presence/') ? [] : [record.length])),
    ...shadows.map(({ shadow }) => shadow.length),
  ]
  const bytes = rows.reduce((sum, row) => sum + row, 0)
  if (rows.length > 1 && bytes > world.settings.pageBytesMax)
    world.breach('contract', `a page of ${bytes} bytes with ${rows.length} rows`)
  world.pages++
}
