// The two systems that scripts run against, and how each gives a script a place where nothing else is.
import { type ChildProcess, spawn } from 'node:child_process'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { System } from '../e2e/system.ts'
import type { Features } from './features.ts'

const HOST = '127.0.0.1'
const START_MS = 10_000
const MOSQUITTO = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto']

/** Where one script runs: neither session nor retained message of another is in it. */
export interface Place {
  url(client: string): string
  password(client: string): Promise<string>
  leave(): Promise<void>
}

export interface Target {
  readonly name: string
  place(): Promise<Place>
  stop(): Promise<void>
}

export async function findMosquitto(): Promise<string | null> {
  for (const file of MOSQUITTO) {
    const there = await access(file).then(
      () => true,
      () => false,
    )
    if (there) return file
  }
  return null
}

/** A process per script. */
export class Mosquitto implements Target {
  readonly name: string
  private readonly command: string
  private readonly features: Features

  constructor(command: string, features: Features, name = 'mosquitto') {
    this.command = command
    this.features = features
    this.name = name
  }

  async place(): Promise<Place> {
    const dir = await mkdtemp(path.join(tmpdir(), 'starling-differential-'))
    const [plain, port] = await freePorts()
    const file = path.join(dir, 'mosquitto.conf')
    await writeFile(file, this.configuration(plain, port))
    const child = spawn(this.command, ['-c', file], { stdio: 'ignore' })
    const leave = async () => {
      await ended(child)
      await rm(dir, { recursive: true, force: true })
    }
    if (!(await listens(port, child))) {
      await leave()
      throw new Error('mosquitto does not start with WebSockets')
    }
    return { url: () => `ws://${HOST}:${port}/mqtt`, password: async () => 'any', leave }
  }

  async stop(): Promise<void> {}

  private configuration(plain: number, port: number): string {
    const qos = `max_qos ${this.features.qos2 ? 2 : 1}`
    return [
      'allow_anonymous true',
      'persistence false',
      'retain_available true',
      // Or a 3.1.1 client with overlapping subscriptions gets one copy, with the QoS of whichever came first.
      'allow_duplicate_messages true',
      'queue_qos0_messages false',
      'sys_interval 0',
      'max_packet_size 1048576',
      'max_keepalive 1200',
      'max_inflight_messages 128',
      'max_queued_messages 10000',
      'set_tcp_nodelay true',
      'log_dest none',
      // A WebSocket listener alone would be bound to every address of the machine.
      `listener ${plain} ${HOST}`,
      'socket_domain ipv4',
      qos,
      `listener ${port} ${HOST}`,
      'protocol websockets',
      'socket_domain ipv4',
      qos,
      '',
    ].join('\n')
  }
}

/** One system for all scripts; each script has a fleet of its own. */
export class Starling implements Target {
  readonly name = 'starling'
  private readonly system: System
  private readonly regions: readonly string[]
  private fleets = 0

  private constructor(system: System, regions: readonly string[]) {
    this.system = system
    this.regions = regions
  }

  /** @param regions a script's clients are spread over them */
  static async start(regions: readonly string[] = ['eu']): Promise<Starling> {
    return new Starling(await System.start({ regions, presence: false }), regions)
  }

  async place(): Promise<Place> {
    const fleet = `script-${this.fleets++}`
    const bases = await Promise.all(this.regions.map((region) => this.system.mqttUrl(region)))
    return {
      url: (client) => `${bases[(Number(client.slice(1)) || 0) % bases.length]}/${client}?fleet=${fleet}`,
      password: (client) => this.system.token(client, { fleet }),
      leave: async () => {},
    }
  }

  stop(): Promise<void> {
    return this.system.stop()
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise<void>((done) => child.once('exit', () => done()))
  child.kill('SIGKILL')
  await exit
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>((done, failed) => {
      server.once('error', failed)
      server.listen(0, HOST, done)
    })
    const address = server.address()
    ports.push(typeof address === 'object' && address !== null ? address.port : 0)
  }
  for (const server of servers) await new Promise((done) => server.close(done))
  return [ports[0] ?? 0, ports[1] ?? 0]
}

async function listens(port: number, child: ChildProcess): Promise<boolean> {
  for (const end = Date.now() + START_MS; Date.now() < end; ) {
    if (child.exitCode !== null) return false
    const open = await new Promise<boolean>((done) => {
      const socket = dial(port, HOST, () => {
        socket.destroy()
        done(true)
      })
      socket.once('error', () => done(false))
    })
    if (open) return true
    await sleep(10)
  }
  return false
}
