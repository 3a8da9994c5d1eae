// A local Starling for the mode `memory`, of this checkout or another: its first region's edge, clients of it, and a restart.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import WebSocket from 'ws'
import { type Local, localSchema } from '../../src/cli/local.ts'
import type { Children } from '../load/children.ts'
import { issueTokens, startStarling } from '../load/local.ts'
import { Connection } from './connection.ts'

interface Where {
  readonly tree: string
  /** Where everything is stored. */
  readonly dir: string
  readonly log: string
  readonly children: Children
}

export class LocalEdge {
  private readonly where: Where
  private local: Local | null = null
  private readonly connections = new Set<Connection>()
  private readonly sockets = new Set<WebSocket>()

  constructor(where: Where) {
    this.where = where
  }

  get dir(): string {
    return this.where.dir
  }

  async start(): Promise<void> {
    const { dir, log, children } = this.where
    await startStarling(this.cli, dir, log, children)
    this.local = localSchema.parse(JSON.parse(await readFile(join(dir, 'local.json'), 'utf8')))
  }

  /** All processes end; what is stored stays. */
  async stop(): Promise<void> {
    this.end()
    await this.where.children.endAll()
  }

  /** Of the first region's workerd. */
  get pid(): number {
    return this.regions[0].pid
  }

  /** Of the second region's. */
  get otherPid(): number {
    return this.regions[1].pid
  }

  /** Connected to the first region, or to the second. */
  async connect(id: string, region: 0 | 1 = 0): Promise<Connection> {
    const [connection] = await this.connectAll([id], region)
    if (connection === undefined) throw new Error('there is no connection')
    return connection
  }

  async connectAll(ids: readonly string[], region: 0 | 1 = 0): Promise<Connection[]> {
    const passwords = await this.tokens(ids)
    const opened: Connection[] = []
    for (const clientId of ids) {
      const url = `${this.regions[region].mqtt}/${clientId}`
      const connection = await Connection.open({
        url,
        clientId,
        password: passwords[clientId],
        keepSession: false,
      })
      this.connections.add(connection)
      opened.push(connection)
    }
    return opened
  }

  /** A socket without CONNECT. @param token in the URL; empty for none */
  async socket(id: string, token: string): Promise<WebSocket> {
    const query = token === '' ? '' : `?token=${token}`
    const socket = new WebSocket(`${this.regions[0].mqtt}/${id}${query}`, 'mqtt', {
      perMessageDeflate: false,
    })
    socket.on('error', () => undefined)
    this.sockets.add(socket)
    await new Promise<void>((opened) => {
      socket.once('open', opened)
      socket.once('close', () => opened())
    })
    return socket
  }

  async tokens(ids: readonly string[]): Promise<Record<string, string>> {
    return issueTokens(this.cli, this.dir, ids)
  }

  /** Ends all clients. */
  end(): void {
    for (const connection of this.connections) connection.end()
    for (const socket of this.sockets) socket.terminate()
    this.connections.clear()
    this.sockets.clear()
  }

  /** Runs the command, as a user would. */
  async command(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [this.cli, ...args, '--dir', this.dir])
    return stdout
  }

  private get cli(): string {
    return join(this.where.tree, 'src/cli/starling.ts')
  }

  private get regions(): readonly [Local['regions'][string], Local['regions'][string]] {
    const [first, second] = Object.values(this.local?.regions ?? {})
    if (first === undefined || second === undefined) throw new Error('Starling runs fewer than two regions')
    return [first, second]
  }
}
