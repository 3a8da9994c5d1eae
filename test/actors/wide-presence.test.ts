// A client's presence and wide filters: grants are not about it, and it has a place of its own among what is retained.
import { describe, expect, test } from 'vitest'
import { WIDE_GRANT_MARGIN_MS, WIDE_GRANT_MS } from '../../actors/limits.ts'
import type { Branch, ClientId } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { APP, LAMP, LAMP_ROOT, routed, subscriptionTo, watch } from './samples.ts'
import { type Region, WideWorld } from './wide-world.ts'

const WAIT_MS = WIDE_GRANT_MS + WIDE_GRANT_MARGIN_MS

function subscribe({ wide }: Region, client: ClientId, filter: string) {
  return watch(wide.subscribe(client, `session of ${client}`, [subscriptionTo(filter)]))
}

describe('a client’s presence', () => {
  const LAMP_BATCH = (...topics: string[]) => packBatch(topics.map((topic) => routed(topic, topic)))

  test('goes to who has a filter for it, and lets the leaf pass over the WideActor with all else', async () => {
    const world = await new WideWorld().acquainted()
    subscribe(world.eu, APP, 'presence/+')
    subscribe(world.us, LAMP, 'presence/#')
    await world.clock.pass(WAIT_MS)
    const batch = LAMP_BATCH('devices/lamp/x', 'presence/lamp')
    const reply = watch(world.eu.wide.publish(LAMP_ROOT, batch))
    await world.clock.pass(100)
    expect(reply.value()).toEqual({
      outcomes: Uint8Array.of(Reason.NoMatchingSubscribers, Reason.Success),
      skipMs: WIDE_GRANT_MS,
    })
    expect(world.eu.got).toEqual(['app presence/lamp'])
    expect(world.us.got).toEqual(['lamp presence/lamp'])
  })

  test('that is retained is asked for only by filters that reach it', async () => {
    const asked: string[] = []
    const world = new WideWorld({
      leaf: (root) => ({
        retainedFor: async (_filters, _after, branch) => {
          asked.push(`${root}: ${branch}`)
          return { records: packBatch([]), next: null }
        },
      }),
    })
    world.eu.wide.retains('presence/lamp' as Branch, true)
    world.eu.wide.retains('devices/phone' as Branch, true)
    await world.eu.wide.retained(['devices/+/x'], null)
    expect(asked.splice(0)).toEqual(['devices/phone: devices/phone'])
    await world.eu.wide.retained(['presence/+'], null)
    expect(asked).toEqual(['devices/lamp: presence/lamp'])
  })
})
