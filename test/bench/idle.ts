// The mode `idle`: what connected, silent clients cost a server: CPU while nothing happens, and memory.
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection } from './connection.ts'
import { cpuMicros } from './cpu.ts'
import { type Bench, forEachSystem, type Outcome } from './mode.ts'
import { residentBytes } from './resident.ts'
import type { System, SystemName } from './system.ts'
import { figure, table } from './table.ts'

/** workerd takes an actor out of memory after ten seconds without an event. */
const SETTLE_MS = 20_000
const OPENING_AT_ONCE = 50

interface Idle {
  readonly system: SystemName
  readonly clients: number
  /** CPU of all the server's processes a second; null where it cannot be read. */
  readonly emptyMicrosPerSecond: number | null
  readonly idleMicrosPerSecond: number | null
  readonly bytesPerClient: number | null
  readonly lostConnections: readonly string[]
}

export async function idleMode(bench: Bench): Promise<Outcome> {
  const measured: Idle[] = []
  const skipped = await forEachSystem(bench, async (name, system) => {
    measured.push(await measure(bench, name, system))
  })
  const failures = measured.flatMap(({ system, lostConnections: lost }) =>
    lost.length === 0 ? [] : [`${system} ended ${lost.length} connections, the first: ${lost[0]}`],
  )
  const { clients, seconds } = bench.options
  const rows = measured.map((one) => [
    one.system,
    figure(one.emptyMicrosPerSecond),
    figure(one.idleMicrosPerSecond),
    figure(one.bytesPerClient === null ? null : one.bytesPerClient / 1024),
  ])
  const text = [
    `${clients} clients that are connected and silent (keep alive 0), for ${seconds} s.`,
    table([['', 'CPU µs/s with none', 'CPU µs/s with all', 'KiB a client'], ...rows]),
    ...skipped,
  ].join('\n\n')
  return { report: { skipped, measured }, text, failures }
}

async function measure({ options, say }: Bench, name: SystemName, system: System): Promise<Idle> {
  const [route] = system.routes
  if (route === undefined) throw new Error(`${name} has no route`)
  await sleep(SETTLE_MS / 4)
  const emptyMicrosPerSecond = await cpuOver(options.seconds, system.serverPids)
  const before = residentBytes(system.serverPids)
  const ids = Array.from({ length: options.clients }, (_, i) => `idle-${i}`)
  const passwords = await system.passwords(ids)
  say(`connecting ${ids.length} clients to ${name}`)
  const connections: Connection[] = []
  try {
    const waiting = [...ids]
    const open = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        const login = {
          url: route.subscriberUrl(id),
          clientId: id,
          password: passwords[id],
          keepSession: false,
        }
        const connection = await Connection.open(login)
        await connection.subscribe(`devices/${id}/cmd/#`, 1)
        connections.push(connection)
      }
    }
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, open))
    await sleep(SETTLE_MS)
    const idleMicrosPerSecond = await cpuOver(options.seconds, system.serverPids)
    const after = residentBytes(system.serverPids)
    const bytesPerClient = before === null || after === null ? null : (after - before) / ids.length
    const lostConnections = connections.flatMap(({ lost }) => lost ?? [])
    return {
      system: name,
      clients: ids.length,
      emptyMicrosPerSecond,
      idleMicrosPerSecond,
      bytesPerClient,
      lostConnections,
    }
  } finally {
    for (const connection of connections) connection.end()
  }
}

async function cpuOver(seconds: number, pids: readonly number[]): Promise<number | null> {
  const from = cpuMicros(pids)
  await sleep(seconds * 1000)
  const until = cpuMicros(pids)
  return from === null || until === null ? null : (until - from) / seconds
}
