// One region of a local run: the edge's Worker on a workerd of its own, through miniflare.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { Miniflare } from 'miniflare'
import { EDGE_OPTIONS } from './edge-options.ts'
import { openWebSocketPort } from './websocket-port.ts'

const WATCH_MS = 100

const setting = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set`)
  return value
}

const HOST = '127.0.0.1'
const port = Number(setting('STARLING_PORT'))
/** Clients connect to workerd itself: for measurements. */
const direct = process.env.STARLING_DIRECT === 'on'
const miniflare = new Miniflare({
  name: 'starling-edge',
  modules: [
    { type: 'ESModule', path: 'worker.mjs', contents: await readFile(setting('STARLING_WORKER'), 'utf8') },
  ],
  ...EDGE_OPTIONS,
  ...(process.env.STARLING_ASSETS !== undefined && {
    serviceBindings: { ASSETS: { disk: { path: process.env.STARLING_ASSETS, writable: false } } },
  }),
  durableObjectsPersist: setting('STARLING_STATE'),
  // Passes on the Worker's log.
  handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
    stdout.pipe(process.stderr)
    stderr.pipe(process.stderr)
  },
  // Straight into workerd: miniflare's own entry would parse and pass on each request.
  unsafeDirectSockets: [{ host: HOST, port: direct ? port : 0 }],
  bindings: JSON.parse(setting('STARLING_BINDINGS')) as Record<string, string>,
})
await miniflare.ready
if (!direct) await openWebSocketPort(HOST, port, Number((await miniflare.unsafeGetDirectURL()).port))

const pid = workerdPid()
process.send?.({ ready: { port, pid } })

// When workerd dies, so does this process, and the parent starts both again.
setInterval(() => {
  try {
    process.kill(pid, 0)
  } catch {
    process.exit(70)
  }
}, WATCH_MS)

const end = () => {
  miniflare.dispose().then(
    () => process.exit(0),
    () => process.exit(1),
  )
}
process.on('SIGTERM', end)
process.on('SIGINT', () => undefined)
// The parent has died.
process.on('disconnect', end)

function workerdPid(): number {
  for (const [child, command] of childProcesses()) if (command.includes('workerd')) return child
  throw new Error('workerd is not running')
}

/** Process id and command of each child, from /proc, or from ps where there is no /proc. */
function childProcesses(): [number, string][] {
  const mine = String(process.pid)
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name): [number, string][] => {
        try {
          const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
          const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
          return parent === mine ? [[Number(name), readFileSync(`/proc/${name}/cmdline`, 'utf8')]] : []
        } catch {
          return [] // It ended while we looked.
        }
      })
  } catch {
    return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,command='], { encoding: 'utf8' })
      .split('\n')
      .flatMap((line): [number, string][] => {
        const [, child, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
        return parent === mine && child !== undefined && command !== undefined
          ? [[Number(child), command]]
          : []
      })
  }
}
