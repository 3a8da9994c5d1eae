// The mode `pairs`: messages from device to device, at full load and at a modest rate.
import { generate } from './generate.ts'
import { type Bench, forEachSystem, type Outcome } from './mode.ts'
import type { PairPlan } from './pair.ts'
import type { PairsResult } from './pairs-job.ts'
import { pairsText } from './pairs-text.ts'
import type { Route, System, SystemName } from './system.ts'

export type Measured = {
  readonly system: SystemName
  readonly route: string
  readonly qos: 0 | 1
  readonly result: PairsResult
}

export async function pairsMode(bench: Bench): Promise<Outcome> {
  const measured: Measured[] = []
  const failures: string[] = []
  const skipped = await forEachSystem(bench, async (system, running) => {
    for (const route of running.routes) {
      for (const qos of bench.options.qos) {
        bench.say(`measuring ${route.name}, QoS ${qos}`)
        try {
          measured.push({
            system,
            route: route.name,
            qos,
            result: await measureRoute(bench, running, route, qos),
          })
        } catch (error) {
          if (bench.children.interrupted) throw error
          failures.push(
            `${route.name}, QoS ${qos}: ${error instanceof Error ? error.message : String(error)}`,
          )
        }
      }
    }
  })
  failures.push(...measured.flatMap(faults))
  return { report: { skipped, measured }, text: pairsText(bench.options, measured, skipped), failures }
}

async function measureRoute(bench: Bench, system: System, route: Route, qos: 0 | 1): Promise<PairsResult> {
  const { options, children } = bench
  const names = Array.from({ length: options.pairs }, (_, index) => ({
    publisher: `bench-${route.key}-q${qos}-pub-${index}`,
    subscriber: `bench-${route.key}-q${qos}-sub-${index}`,
  }))
  const passwords = await system.passwords(
    names.flatMap(({ publisher, subscriber }) => [publisher, subscriber]),
  )
  const pairs = names.map(
    ({ publisher, subscriber }): PairPlan => ({
      publisher: {
        url: route.publisherUrl(publisher),
        clientId: publisher,
        password: passwords[publisher],
        keepSession: false,
      },
      subscriber: {
        url: route.subscriberUrl(subscriber),
        clientId: subscriber,
        password: passwords[subscriber],
        keepSession: options.keepSessions,
      },
      topic: `devices/${subscriber}/cmd/x`,
      filter: `devices/${subscriber}/cmd/#`,
    }),
  )
  const { window, payloadBytes, warmUpSeconds, seconds, rate } = options
  const { serverPids } = system
  return generate(
    { kind: 'pairs', pairs, serverPids, qos, window, payloadBytes, warmUpSeconds, seconds, rate },
    children,
  )
}

/** What must not be: QoS 1 loses and reorders nothing, and nobody is thrown out. */
function faults({ route, qos, result }: Measured): string[] {
  const found: string[] = []
  if (qos === 1 && result.lost > 0) found.push(`lost ${result.lost} messages`)
  if (qos === 1 && result.unacknowledged > 0) found.push(`left ${result.unacknowledged} unacknowledged`)
  if (qos === 1 && result.reordered > 0) found.push(`delivered ${result.reordered} out of order`)
  const { lostConnections } = result
  if (lostConnections.length > 0)
    found.push(`ended ${lostConnections.length} connections, the first: ${lostConnections[0]}`)
  return found.map((what) => `${route}, QoS ${qos}: ${what}`)
}
