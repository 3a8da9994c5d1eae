// workerd joins the conformance suite: the probe in a process of its own, as `starling up` runs a region.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { WebSocket } from 'ws'
import { choosePorts } from '../../src/cli/up.ts'
import type { ProbeSocket, RunningHost } from './host.ts'
import { describeHost } from './suite.ts'

const REGION_PROCESS = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'region-process.ts')
/** workerd lets an actor hibernate after 10 s without an event. */
const HIBERNATES_MS = 12_000
const SOON_MS = 150

class Workerd implements RunningHost {
  private readonly dir: string
  private readonly port: number
  private child: ChildProcess | null = null
  private workPid = 0
  private log = ''

  constructor(dir: string, port: number) {
    this.dir = dir
    this.port = port
  }

  async start(): Promise<void> {
    const child = fork(REGION_PROCESS, [], {
      env: {
        ...process.env,
        STARLING_PORT: String(this.port),
        STARLING_WORKER: path.join(this.dir, 'worker.mjs'),
        STARLING_STATE: path.join(this.dir, 'state'),
        STARLING_BINDINGS: JSON.stringify({
          REGION: 'eu',
          REGIONS: 'eu',
          CORE_URL: 'http://127.0.0.1:1',
          RELAY_SECRET: 'a secret of more than thirty-two characters',
          CLIENT_TOKEN_SECRET: 'a secret of more than thirty-two characters',
        }),
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    child.stderr?.on('data', (chunk) => {
      this.log += chunk
    })
    this.child = child
    const [{ ready }] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`workerd did not start:\n${this.log}`))),
    ])) as [{ ready: { pid: number } }]
    this.workPid = ready.pid
  }

  async ask(actor: string, method: string, ...parameters: unknown[]): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.port}/ask/${actor}`, {
      method: 'POST',
      headers: { connection: 'close' },
      body: JSON.stringify({ method, parameters }),
    })
    const { answer, failed } = (await response.json()) as { answer?: unknown; failed?: string }
    if (failed !== undefined) throw new Error(failed)
    return answer
  }

  async connect(actor: string): Promise<ProbeSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}/connect/${actor}`, ['mqtt'])
    const frames: string[] = []
    let closed: ProbeSocket['closed'] = null
    socket.on('message', (frame) => frames.push(String(frame)))
    socket.on('error', () => undefined)
    socket.on('close', (code, reason) => {
      closed = { code, reason: String(reason) }
    })
    await once(socket, 'open')
    return {
      // One whose process was killed takes nothing any more.
      send: (text) => socket.readyState === WebSocket.OPEN && socket.send(Buffer.from(text)),
      frames,
      get closed() {
        return closed
      },
      close: () => socket.close(1000),
    }
  }

  async pass(ms: number): Promise<void> {
    await sleep(ms)
  }

  async kill(): Promise<void> {
    const { child } = this
    if (child === null) throw new Error('workerd does not run')
    const ended = once(child, 'exit')
    process.kill(this.workPid, 'SIGKILL')
    await ended
    await this.start()
  }

  async killSoon(): Promise<void> {
    await sleep(Math.random() * SOON_MS)
    await this.kill()
  }

  async hibernate(): Promise<void> {
    await sleep(HIBERNATES_MS)
  }

  async fill(full: boolean): Promise<void> {
    await fetch(`http://127.0.0.1:${this.port}/fill/${full}`)
  }

  reports(): string[] {
    return this.log.split('\n')
  }

  async close(): Promise<void> {
    const { child } = this
    if (child !== null && child.exitCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    await rm(this.dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** The Worker with the probe in the place of a device's actor: all else is what `wrangler deploy` bundles. */
async function bundle(outfile: string): Promise<void> {
  const probe = JSON.stringify(path.join(import.meta.dirname, 'probe.ts'))
  await build({
    entryPoints: [path.join(import.meta.dirname, 'probe-worker.ts')],
    bundle: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    outfile,
    logLevel: 'error',
    plugins: [
      {
        name: 'probe',
        setup: ({ onLoad }) => {
          const replace = (filter: RegExp, contents: string) =>
            onLoad({ filter }, () => ({ contents, resolveDir: import.meta.dirname }))
          replace(/actors\/device\/device-actor\.ts$/, `export { Probe as DeviceActor } from ${probe}`)
          replace(/actors\/storage\/schemas\.ts$/, `export { SCHEMAS } from ${probe}`)
        },
      },
    ],
  })
}

describeHost({
  name: 'workerd',
  lacks: ['subrequests'],
  open: async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'starling-host-'))
    await bundle(path.join(dir, 'worker.mjs'))
    const [port = 0] = await choosePorts(0, 1)
    const host = new Workerd(dir, port)
    await host.start()
    return host
  },
})
