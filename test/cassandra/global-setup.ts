// Gives a test run its Cassandra: the one that CASSANDRA_CONTACT_POINTS names, or a node of its own on this machine.
// The node starts when the first test file asks for it, so a run of unit tests neither waits nor pays for it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { findToolchain } from './jars.ts'
import { freePorts, startNode } from './node.ts'
import { processMark } from './node-config.ts'

export type CassandraForTests =
  | { readonly kind: 'given'; readonly contactPoints: string[] }
  /** A request to this address starts the node, if need be, and is answered with its contact points. */
  | { readonly kind: 'on-demand'; readonly url: string }
  | { readonly kind: 'absent' }

declare module 'vitest' {
  interface ProvidedContext {
    readonly cassandra: CassandraForTests
  }
}

const FOLDER = path.join(import.meta.dirname, '../../.cassandra')
const START_MS = 180_000

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.CASSANDRA_CONTACT_POINTS
  if (given) {
    project.provide('cassandra', { kind: 'given', contactPoints: given.split(',') })
    return async () => {}
  }
  const toolchain = findToolchain(FOLDER)
  if (!toolchain.found) {
    const text = `Cassandra tests need ${toolchain.missing}, or CASSANDRA_CONTACT_POINTS=host:port. On Debian: test/cassandra/install.sh`
    if (process.env.CI) throw new Error(text)
    process.stderr.write(`\n  !!  SKIPPED: all tests with Cassandra.\n  !!  ${text}\n\n`)
    project.provide('cassandra', { kind: 'absent' })
    return async () => {}
  }
  const node = new OnDemandNode(toolchain.java)
  project.provide('cassandra', { kind: 'on-demand', url: await node.listen() })
  return () => node.end()
}

class OnDemandNode {
  readonly #java: string
  readonly #home = path.join(FOLDER, `test-${process.pid}`)
  readonly #server = http.createServer((_request, response) => {
    this.#contactPoints ??= this.#start()
    this.#contactPoints.then(
      (contactPoints) => response.end(JSON.stringify(contactPoints)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  #contactPoints: Promise<string[]> | null = null
  #guard: ChildProcess | null = null

  constructor(java: string) {
    this.#java = java
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('a TCP server without a port')
    return `http://127.0.0.1:${address.port}`
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    if (this.#guard === null) return
    const ended = once(this.#guard, 'exit')
    this.#guard.stdin?.end()
    await ended
  }

  async #start(): Promise<string[]> {
    const host = '127.0.0.1'
    const [port, storagePort] = await freePorts(host)
    mkdirSync(this.#home, { recursive: true })
    this.#guard = guard(this.#home)
    const settings = {
      home: this.#home,
      host,
      port,
      storagePort,
      dataCenter: 'dc1',
      seeds: [host],
      heap: '512M',
      // Tests kill no Cassandra, and a sync for each of their writes would take long.
      alone: false,
      startMs: START_MS,
    }
    await startNode(settings, this.#java, FOLDER)
    return [`${host}:${port}`]
  }
}

/**
 * A process that waits until its standard input ends, which happens when this process ends it or ends itself, however
 * that comes about. Then it kills the node and removes the node's folder. So an interrupted run leaves nothing behind.
 */
function guard(home: string): ChildProcess {
  const script = `
    cat >/dev/null
    pid=$(cat "$1/cassandra.pid" 2>/dev/null)
    if [ -n "$pid" ] && { tr '\\0' ' ' <"/proc/$pid/cmdline" || ps -ww -o command= -p "$pid"; } 2>/dev/null | grep -qF -- "$2"; then
      kill -9 "$pid"
      for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null && sleep 0.1; done
    fi
    rm -rf "$1"`
  return spawn('sh', ['-c', script, 'sh', home, processMark(home)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
}
