// Judges what of messages is kept at the end, where all topics are chosen.
import { DEFAULT_FLEET, type Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import type { HistoryMessage, HistoryPlace } from '../../src/relay/history.ts'
import { lasts, succeeded } from './history.ts'
import type { World } from './world.ts'

/** What was acknowledged is in the store, under names of its own that stand in the order of their times. */
export async function keptHasAll(world: World): Promise<void> {
  if (!world.settings.history) return
  const { published } = world.history
  for (const root of new Set(published.map((one) => one.root))) {
    const kept = await keptOf(world, root as Root)
    const texts = new Set(kept.map(textOf))
    for (const one of published) {
      if (one.root !== root || one.qos === 0 || !succeeded(one) || !lasts(one)) continue
      if (!texts.has(`p${one.number}`))
        world.breach('kept', `p${one.number} is not in the history of ${root}`)
    }
    const last = new Map<number, number>()
    for (const { epoch, number } of kept) {
      const before = last.get(epoch) ?? 0
      if (number <= before)
        world.breach('kept', `${root} has ${epoch}.${number} behind ${epoch}.${before} in its history`)
      last.set(epoch, number)
    }
  }
}

async function keptOf(world: World, root: Root): Promise<HistoryMessage[]> {
  const all: HistoryMessage[] = []
  const range = { fleet: DEFAULT_FLEET, root, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1_000 }
  for (let after: HistoryPlace | null = null; ; ) {
    const page: Awaited<ReturnType<World['store']['history']>> = await world.store.history({
      ...range,
      order: 'oldest',
      after,
    })
    all.push(...page.messages)
    if (page.next === null) return all
    after = page.next
  }
}

function textOf({ record }: HistoryMessage): string {
  return new TextDecoder().decode(decodeMessage(record).payload)
}
