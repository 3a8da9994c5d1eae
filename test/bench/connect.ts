// The mode `connect`: the CPU of workerd for a connection, beside a bare hibernating actor's in the same run: a first connection
// with a session and one subscription, the client that comes back when its actor has left memory, and a clean session.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { Connection } from './connection.ts'
import { cpuMicros } from './cpu.ts'
import type { Bench, Outcome } from './mode.ts'
import { START } from './start.ts'
import { figure, table } from './table.ts'

/** workerd takes an actor out of memory after ten seconds without an event. */
const FORGETS_MS = 15_000
/** A sync goes out a second after its change. */
const SETTLE_MS = 3_000
const OPENING_AT_ONCE = 16
/** Both take turns, so that what else the machine does falls on both. */
const ROUNDS = 3

/** Connections of one kind. */
const KINDS = ['first', 'back', 'clean'] as const
type Kind = (typeof KINDS)[number]

interface Server {
  readonly name: 'starling' | 'bare'
  readonly pids: readonly number[]
  url(id: string): string
  passwords(ids: readonly string[]): Promise<Readonly<Record<string, string>>>
}

type Figures = Record<Kind, number | null>

export async function connectMode(bench: Bench): Promise<Outcome> {
  const started = await START.starling({ ...bench, window: bench.options.window })
  if ('absent' in started) return { report: null, text: '', failures: [started.absent] }
  const [route] = started.routes
  if (route === undefined) throw new Error('Starling has no route')
  const bare = await startBare(bench.scratch)
  try {
    const servers: Server[] = [
      {
        name: 'starling',
        pids: workerdsUnder(started.serverPids),
        url: (id) => route.subscriberUrl(id),
        passwords: started.passwords,
      },
      {
        name: 'bare',
        pids: workerdsUnder([process.pid]).filter((pid) => !workerdsUnder(started.serverPids).includes(pid)),
        url: (id) => `${bare.url}/${id}`,
        passwords: async () => ({}),
      },
    ]
    const rounds: { readonly server: string; readonly micros: Figures }[] = []
    for (let round = 0; round < ROUNDS; round++)
      for (const server of servers)
        rounds.push({ server: server.name, micros: await measure(bench, server, round) })
    const median = (name: string, kind: Kind) => {
      const all = rounds.flatMap(({ server, micros }) => (server === name ? (micros[kind] ?? []) : []))
      return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? null
    }
    const rows = servers.map(({ name }) => [name, ...KINDS.map((kind) => figure(median(name, kind)))])
    const text = [
      `CPU µs of workerd for a connection, its end and its sync included; the median of ${ROUNDS} rounds of ${bench.options.clients} clients.`,
      table([['', 'first, a session and a subscription', 'back to it', 'clean'], ...rows]),
    ].join('\n\n')
    return { report: { rounds }, text, failures: [] }
  } finally {
    await bare.stop()
    await bench.children.endAll()
  }
}

async function measure({ options, say }: Bench, server: Server, round: number): Promise<Figures> {
  const ids = (kind: string) => Array.from({ length: options.clients }, (_, i) => `${kind}-${round}-${i}`)
  const lasting = ids('lasting')
  const clean = ids('clean')
  const passwords = await server.passwords([...lasting, ...clean])
  say(`${server.name}, round ${round + 1} of ${ROUNDS}`)
  const connect = async (id: string, keepSession: boolean, subscribes: boolean) => {
    const login = { url: server.url(id), clientId: id, password: passwords[id], keepSession }
    const connection = await Connection.open(login)
    if (subscribes) await connection.subscribe(`devices/${id}/cmd`, 1)
    connection.end()
  }
  const costOf = async (all: readonly string[], keepSession: boolean, subscribes: boolean) => {
    const from = cpuMicros(server.pids)
    const waiting = [...all]
    const next = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop())
        await connect(id, keepSession, subscribes)
    }
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, next))
    await sleep(SETTLE_MS)
    const until = cpuMicros(server.pids)
    return from === null || until === null ? null : (until - from) / all.length
  }
  const first = await costOf(lasting, true, true)
  await sleep(FORGETS_MS)
  const back = await costOf(lasting, true, false)
  return { first, back, clean: await costOf(clean, false, false) }
}

async function startBare(scratch: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const worker = join(scratch, 'bare.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'bare-worker.ts')],
    bundle: true,
    format: 'esm',
    external: ['cloudflare:*'],
    outfile: worker,
  })
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: worker }],
    modulesRoot: scratch,
    compatibilityDate: '2026-07-01',
    durableObjects: { BARE: { className: 'BareActor', useSQLite: true } },
    durableObjectsPersist: join(scratch, 'bare-state'),
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  })
  const { origin } = await miniflare.unsafeGetDirectURL()
  return { url: origin.replace('http', 'ws'), stop: () => miniflare.dispose() }
}

/** The workerd processes that are one of these or descend from one. */
function workerdsUnder(roots: readonly number[]): number[] {
  const parents = new Map<number, { readonly parent: number; readonly command: string }>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      parents.set(Number(name), { parent: Number(parent), command })
    } catch {
      // It has ended meanwhile.
    }
  }
  const descends = (pid: number): boolean =>
    roots.includes(pid) || (parents.has(pid) && descends(parents.get(pid)?.parent ?? 0))
  return [...parents].flatMap(([pid, { command }]) => (command === 'workerd' && descends(pid) ? [pid] : []))
}
