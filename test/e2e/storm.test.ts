// A storm: very many clients subscribe to one room at once while two publishers publish to it (promise 5).
// STORM_CLIENTS sets how many; `npm run storm` takes 10,000 and prints what it measured.
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSecrets } from '../../src/cli/local.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET, type FleetId } from '../../src/id/ids.ts'
import { connectBytes, StormClient } from './storm-client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const CLIENTS = Number(process.env.STORM_CLIENTS ?? 1_000)
const WAVE = 200
const PUBLISHERS = ['p0', 'p1']
/** Between two of a publisher's messages; each costs as many deliveries as there are clients. */
const PAUSE_MS = Math.max(250, CLIENTS / 4)
/** After the last SUBACK. */
const MORE_MESSAGES = 5
/** What workerd was seen to have open for each client, its socket among them: clients are spread over regions for it. */
const FILES_PER_CLIENT = 4
const REGIONS = ['eu', 'us', 'ap', 'oc', 'sa', 'af', 'me']
const FILES_MORE = 1_000
/** Of the system's log, in the message of a failure. */
const LOG_CHARACTERS = 2_000
const STORM_MS = Math.max(80_000, CLIENTS * 40)

const FILTERS = ['rooms/storm/#', 'rooms/+/storm/#']

let system: System
let regions: readonly string[]
beforeAll(async () => {
  const files = await openFilesMax()
  const needed = Math.ceil((CLIENTS * FILES_PER_CLIENT) / (files - FILES_MORE))
  // Past its limit workerd neither accepts nor answers: the storm would only hang.
  if (needed > REGIONS.length || CLIENTS + FILES_MORE > files)
    throw new Error(`${CLIENTS} clients need more open files than ${files} (ulimit -n)`)
  regions = REGIONS.slice(0, Math.max(1, needed))
  system = await System.start({ regions })
}, SYSTEM_START_MS)
afterAll(() => system?.stop())

describe('when very many clients subscribe at once while two publishers run', { timeout: STORM_MS }, () => {
  it.for(FILTERS)('each gets all that is published after its SUBACK, in order (%s)', async (filter) => {
    const report: string[] = []
    const topic = (publisher: string) =>
      `rooms/storm/${filter.startsWith('rooms/+') ? 'storm/' : ''}${publisher}`
    const began = Date.now()
    const clients = await connectAll(Array.from({ length: CLIENTS }, (_, i) => `storm-${i}`))
    const publishers = await connectAll(PUBLISHERS)
    report.push(`${CLIENTS} clients connected in ${Date.now() - began} ms`)

    const sent = PUBLISHERS.map(() => 0)
    let left = Number.POSITIVE_INFINITY
    const running = publishers.map(async (publisher, k) => {
      for (let more = left; more > 0; more = Math.min(more - 1, left)) {
        sent[k] = (sent[k] ?? 0) + 1
        await publisher.publish(topic(PUBLISHERS[k] ?? ''), sent[k] ?? 0, String(sent[k]))
        await sleep(PAUSE_MS)
      }
    })
    await until(() => sent.every((number) => number > 1))

    const storm = Date.now()
    const sentAtSuback = await Promise.all(
      clients.map(async (client) => {
        await client.subscribe(filter)
        return [...sent]
      }),
    ).catch((cause) => {
      const log = system.log.slice(-LOG_CHARACTERS)
      throw new Error(`after ${Date.now() - storm} ms; the log ends with\n${log}`, { cause })
    })
    report.push(
      `${CLIENTS} SUBACKs in ${Date.now() - storm} ms, ${sent.join(' and ')} messages published by then`,
    )

    const total = () => clients.reduce((sum, { received }) => sum + received, 0)
    const [steady, before, cpuBefore] = [Date.now(), total(), await cpuSeconds()]
    left = MORE_MESSAGES
    await Promise.all(running)
    const complete = (client: StormClient) =>
      PUBLISHERS.every((publisher, k) => client.seen.get(publisher)?.last === sent[k])
    await until(() => clients.every(complete), STORM_MS / 2).catch(() => undefined)
    const seconds = (Date.now() - steady) / 1000
    report.push(
      `then ${total() - before} deliveries, ${clients.reduce((sum, { repeats }) => sum + repeats, 0)} of all came again, in ${seconds.toFixed(1)} s, ${((await cpuSeconds()) - cpuBefore).toFixed(1)} s of CPU`,
      await memory(),
    )

    const missed = clients.flatMap((client, i) =>
      PUBLISHERS.flatMap((publisher, k) => {
        const seen = client.seen.get(publisher)
        const due = (sentAtSuback[i]?.[k] ?? 0) + 1
        return seen !== undefined && seen.first <= due && seen.last === sent[k]
          ? []
          : [
              `storm-${i} ${publisher}: saw ${JSON.stringify(seen)}, due ${due} to ${sent[k]}, closed ${client.closed}`,
            ]
      }),
    )
    for (const one of [...clients, ...publishers]) one.drop()
    if (process.env.STORM_CLIENTS !== undefined) process.stdout.write(`${report.join('\n')}\n`)
    expect({ missed: missed.length, some: missed.slice(0, 5) }).toEqual({ missed: 0, some: [] })
    const wrong: Record<string, number> = {}
    for (const [i, client] of clients.entries())
      for (const what of client.wrong) {
        const where = `${regions[i % regions.length]}, ${what}`
        wrong[where] = (wrong[where] ?? 0) + 1
      }
    expect(wrong).toEqual({})
  })
})

async function connectAll(names: readonly string[]): Promise<StormClient[]> {
  const { clientTokenSecret } = await readSecrets(system.dir)
  const urls = await Promise.all(regions.map((region) => system.mqttUrl(region)))
  const clients: StormClient[] = []
  for (let from = 0; from < names.length; from += WAVE) {
    const wave = names.slice(from, from + WAVE).map(async (name, i) => {
      const url = urls[i % urls.length]
      const claims = { client: name as ClientId, fleet: DEFAULT_FLEET as FleetId, admin: false }
      const token = await signClientToken(claims, clientTokenSecret, 3600)
      const connect = () => StormClient.connect(`${url}/${name}`, connectBytes(name, token))
      // A busy server may close a connection that it has not come to yet: a client then connects again.
      return connect().catch(connect)
    })
    clients.push(...(await Promise.all(wave)))
  }
  return clients
}

async function openFilesMax(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

async function cpuSeconds(): Promise<number> {
  const each = await Promise.all(regions.map((region) => cpuSecondsOf(region)))
  return each.reduce((sum, seconds) => sum + seconds, 0)
}

/** Of a region's workerd. */
async function cpuSecondsOf(region: string): Promise<number> {
  const stat = await readFile(`/proc/${await system.pidOf(region)}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100
}

async function memory(): Promise<string> {
  return (await Promise.all(regions.map(memoryOf))).join('\n')
}

async function memoryOf(region: string): Promise<string> {
  const pid = await system.pidOf(region)
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const files = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const lines = status.split('\n').filter((line) => /^Vm(RSS|HWM)/.test(line))
  return `workerd of ${region}: ${lines.join(', ').replaceAll(/\s+/g, ' ')}, ${files.length} open files, ${(await cpuSecondsOf(region)).toFixed(1)} s of CPU in all`
}
