// What examples of the `starling` command need around them; examples.test.ts says how to add one.
import { Client } from '../e2e/client.ts'
import type { System } from '../e2e/system.ts'

export interface Surroundings {
  /** Before the example begins; gives what takes it away again. */
  readonly before?: (system: System) => Promise<(() => Promise<void>) | undefined>
  /** Once the example runs; for commands that wait for something. Called again until the command ends. */
  readonly during?: (system: System) => Promise<void>
  /** The example goes on for ever: Ctrl-C ends it, once it has printed what the page says. */
  readonly endless?: true
  /** The example goes on beside the next ones of its page, from when it has said this on stderr. */
  readonly beside?: string
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
  answer: { beside: 'answering as', forJson: 'answer echo' },
  'answer echo': { endless: true, during: echoIsCalled },
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

async function echoIsCalled(system: System) {
  const { http } = (await system.local()).regions.us ?? { http: '' }
  await fetch(`${http}/v1/devices/echo/commands`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await system.token('app')}`, 'content-type': 'application/json' },
    body: '{"name":"blink","text":"x","timeoutMs":1000}',
  })
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
