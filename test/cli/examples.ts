// What the README's examples need around them; how to add one is said in readme.test.ts.
import { Client } from '../e2e/client.ts'
import type { System } from '../e2e/system.ts'

export interface Surroundings {
  /** Before it begins; gives what takes it away again. */
  readonly before?: (system: System) => Promise<(() => Promise<void>) | undefined>
  /** Once it runs; for commands that wait for something. Called again until the command ends. */
  readonly during?: (system: System) => Promise<void>
  /** It goes on for ever: Ctrl-C ends it, once it has printed what the README says. */
  readonly endless?: true
  /** To be run with --json in its place, where it cannot be run twice. */
  readonly forJson?: string
}

/** By how the example begins, behind `starling`; the longest that fits counts. */
export const SURROUNDINGS: Readonly<Record<string, Surroundings>> = {
  'presence lamp': { before: lampIsThere },
  'explain lamp': { before: lampIsThere },
  "sub 'devices/+/telemetry'": { endless: true, during: lampMeasures },
  // What changes a version is not to be done twice.
  'shadow set': { forJson: 'shadow set other power=on' },
  'shadow delete': { forJson: 'shadow delete other' },
  'shadow watch': { endless: true },
  'call lamp': { before: lampBlinks },
  'history lamp': { before: lampHasPublished },
  // What is made once cannot be made again.
  'device create': { forJson: 'device create lamp-8' },
  'device remove': { forJson: 'device remove lamp-8' },
  'claim-token create': { forJson: 'claim-token create --uses 3' },
}

async function lampIsThere(system: System) {
  const lamp = await Client.connect(system, 'eu', 'lamp')
  return () => lamp.end()
}

async function lampBlinks(system: System) {
  const lamp = await Client.connect(system, 'eu', 'lamp')
  await lamp.subscribe('devices/lamp/commands/#')
  lamp.mqtt.on('message', (_topic, _payload, { properties }) => {
    lamp.mqtt.publish(properties?.responseTopic ?? '', '{"blinked":3}', { qos: 1 })
  })
  return () => lamp.end()
}

async function lampMeasures(system: System) {
  const lamp = await Client.connect(system, 'eu', 'lamp')
  await lamp.publish('devices/lamp/telemetry', '{"lux":3}')
  await lamp.end()
}

async function lampHasPublished(system: System) {
  const lamp = await Client.connect(system, 'eu', 'lamp')
  await lamp.publish('devices/lamp/telemetry', '{"celsius":21}')
  return () => lamp.end()
}

export function surroundingsOf(words: string): Surroundings {
  const [found] = Object.keys(SURROUNDINGS)
    .filter((beginning) => words === beginning || words.startsWith(`${beginning} `))
    .sort((a, b) => b.length - a.length)
  return found === undefined ? {} : (SURROUNDINGS[found] ?? {})
}
