// An actor whose only work is to try the port (actors/platform.ts). A host runs it in the place of a device's actor; the suite
// (suite.ts) tells it what to do.
import type { SocketActor } from '../../actors/actor.ts'
import type { Connection, Platform, SqlValue } from '../../actors/platform.ts'
import { type Schema, schemaOf } from '../../actors/storage/schema.ts'
import type { ActorKind } from '../../src/id/actor-name.ts'
import type { ClientId } from '../../src/id/ids.ts'

/** What the probe is asked, by the suite or by another probe. The answer is JSON, but for `exchange`. */
export interface Asked {
  readonly method: string
  readonly parameters: readonly unknown[]
}

/** A method that every host carries between devices: the probe answers all that it is asked by this one. */
export interface ProbePeer {
  explainTopic(asked: Asked): Promise<unknown>
}

interface Exchanged {
  readonly list: unknown[]
  readonly bytes: Uint8Array
}

const SCHEMA = schemaOf(
  [],
  [
    [
      'CREATE TABLE IF NOT EXISTS written (n INTEGER NOT NULL)',
      'CREATE TABLE IF NOT EXISTS echoed (n INTEGER NOT NULL)',
      'CREATE TABLE IF NOT EXISTS went (at REAL NOT NULL, life TEXT NOT NULL)',
      'CREATE TABLE IF NOT EXISTS plan (what TEXT NOT NULL)',
      'CREATE TABLE IF NOT EXISTS cells (name TEXT PRIMARY KEY, value ANY)',
    ],
  ],
)

/** In the place of those of actors/storage/schemas.ts. */
export const SCHEMAS: Readonly<Record<ActorKind, Schema>> = {
  device: SCHEMA,
  topic: SCHEMA,
  uplink: SCHEMA,
  wide: SCHEMA,
  front: SCHEMA,
}

export class Probe implements SocketActor {
  private readonly platform: Platform
  /** Another one in each life. */
  private readonly life: string
  private readonly noted: unknown[] = []
  private readonly ended: string[] = []
  private readonly waiting: (() => void)[] = []
  private exchanged: Exchanged | null = null

  constructor(platform: Platform) {
    this.platform = platform
    this.life = platform.randomId()
  }

  // Events ------------------------------------------------------------------------------------------------------------

  opened(): void {}

  textFrame(connection: Connection): void {
    connection.close(1003, 'a text frame')
  }

  closed(connection: Connection): void {
    this.ended.push(String(connection.attachment()))
  }

  /** Text: a method's name and its parameter, of those that are about the connection that the frame came on. */
  async frame(connection: Connection, frame: Uint8Array): Promise<void> {
    const [method, parameter = ''] = new TextDecoder().decode(frame).split(' ')
    const answer = (text: string) => connection.send(new TextEncoder().encode(text))
    switch (method) {
      case 'echo':
        return answer(parameter)
      case 'name':
        connection.attach(parameter)
        return answer('named')
      case 'who':
        return answer(String(connection.attachment()))
      case 'attach':
        return answer(JSON.stringify(attachments(connection)))
      case 'close':
        connection.close(Number(parameter), 'as was asked')
        // To one that is closed nothing is sent, and nothing is thrown.
        return answer('too late')
      case 'write':
        this.write('written', Number(parameter))
        this.write('echoed', Number(parameter))
        return answer(parameter)
      case 'relay':
        this.write('written', Number(parameter))
        await this.peer('relayed').explainTopic({ method: 'write', parameters: [Number(parameter)] })
        return answer(parameter)
      default:
        throw new Error(`a frame that the probe does not know: ${method}`)
    }
  }

  async alarm(): Promise<void> {
    const { storage } = this.platform
    storage.exec('INSERT INTO went VALUES (?, ?)', this.platform.now(), this.life)
    const [plan] = storage.exec('SELECT what FROM plan')
    const first = storage.exec('SELECT at FROM went').length === 1
    if (plan === undefined || !first) return
    if (plan.what === 'fail') throw new Error('the first alarm fails')
    if (plan.what === 'again') this.platform.wakeBy(this.platform.now() + 200)
    if (plan.what === 'hang') await new Promise(() => undefined)
  }

  async explainTopic({ method, parameters }: Asked): Promise<unknown> {
    const called: unknown = Reflect.get(this.methods, method)
    if (typeof called !== 'function') throw new Error(`the probe has no ${method}`)
    return Reflect.apply(called, this.methods, parameters)
  }

  // What it can be asked ----------------------------------------------------------------------------------------------

  private readonly methods = {
    life: () => this.life,
    address: () => {
      const { address, region, fleet } = this.platform
      return { ...address, same: address.region === region && address.fleet === fleet }
    },
    ids: () => Array.from({ length: 3 }, () => this.platform.randomId()),
    randoms: () => Array.from({ length: 20 }, () => this.platform.random()),
    now: () => this.platform.now(),

    write: (n: number) => this.write('written', n),
    written: (table = 'written') =>
      this.platform.storage.exec(`SELECT n FROM ${table} ORDER BY n`).map(({ n }) => n),
    cells: () => this.cells(),
    transactions: () => this.transactions(),

    plan: (what: string) => void this.platform.storage.exec('INSERT INTO plan VALUES (?)', what),
    wakeIn: (...ms: number[]) => {
      for (const one of ms) this.platform.wakeBy(this.platform.now() + one)
      return this.platform.now()
    },
    went: () => this.platform.storage.exec('SELECT at, life FROM went ORDER BY at'),

    timers: () => this.timers(),
    writeIn: (ms: number, n: number) => void this.platform.after(ms, () => this.write('written', n)),

    connections: () => this.platform.connections().map((one) => one.attachment()),
    sameConnections: () => {
      const again = this.platform.connections()
      return this.platform.connections().every((one, i) => one === again[i])
    },
    ended: () => this.ended,

    note: (what: unknown) => void this.noted.push(what),
    noted: () => this.noted,
    refuse: () => {
      throw new Error('the probe refuses')
    },
    /** Until `go` is asked. */
    wait: () => new Promise<void>((done) => this.waiting.push(done)),
    go: () => void this.waiting.splice(0).map((done) => done()),
    hang: () => new Promise(() => undefined),
    call: (other: string, method: string, ...parameters: unknown[]) =>
      this.peer(other).explainTopic({ method, parameters }),
    /** So many calls at once, the third of which is refused where that is asked for. */
    burst: async (other: string, count: number, refused: boolean) => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: count }, (_, i) =>
          this.peer(other).explainTopic({ method: refused && i === 2 ? 'refuse' : 'note', parameters: [i] }),
        ),
      )
      return outcomes.map((one) => (one.status === 'fulfilled' ? 'done' : String(one.reason)))
    },
    /** How many of so many calls, made in one event, were answered. */
    callOften: async (other: string, count: number) => {
      const peer = this.peer(other)
      const outcomes = await Promise.allSettled(
        Array.from({ length: count }, () => peer.explainTopic({ method: 'life', parameters: [] })),
      )
      return outcomes.filter(({ status }) => status === 'fulfilled').length
    },
    sizeOf: (bytes: Uint8Array) => bytes.length,
    bytes: (size: number) => new Uint8Array(size),
    sendBytes: (other: string, size: number) =>
      this.peer(other).explainTopic({ method: 'sizeOf', parameters: [new Uint8Array(size)] }),
    receiveBytes: async (other: string, size: number) =>
      ((await this.peer(other).explainTopic({ method: 'bytes', parameters: [size] })) as Uint8Array).length,
    storeBytes: (size: number) =>
      this.tried('INSERT OR REPLACE INTO cells VALUES (?, ?)', 'large', new Uint8Array(size)),
    selectList: (count: number) =>
      this.tried(`SELECT n FROM written WHERE n IN (${Array.from({ length: count }, (_, i) => i)})`),
    bindMany: (count: number) =>
      this.tried(
        `SELECT n FROM written WHERE n IN (${Array(count).fill('?')})`,
        ...Array.from({ length: count }, (_, i) => i),
      ),
    exchange: (other: string) => this.exchange(other),
    keep: (given: Exchanged) => {
      this.exchanged = given
      return given
    },
    kept: () => shown(this.exchanged),
    spoil: () => {
      this.exchanged?.list.push('spoilt by the receiver')
      this.exchanged?.bytes.fill(7)
    },

    report: (what: string, cause: string) => this.platform.report(what, new Error(cause)),
  }

  private peer(name: string): ProbePeer {
    return this.platform.peers.device(name as ClientId) as unknown as ProbePeer
  }

  /** 'done', or what was thrown. */
  private tried(query: string, ...bindings: SqlValue[]): string {
    // A table without rows is not asked.
    this.write('written', 0)
    try {
      this.platform.storage.exec(query, ...bindings)
      return 'done'
    } catch (cause) {
      return String(cause)
    }
  }

  private write(table: 'written' | 'echoed', n: number): void {
    this.platform.storage.exec(`INSERT INTO ${table} VALUES (?)`, n)
  }

  /** A value of each type, as it is read again. */
  private cells(): unknown {
    const { storage } = this.platform
    const whole = Uint8Array.from({ length: 8 }, (_, i) => i)
    const cells = { text: 'ä', whole: 2 ** 53 - 1, real: 0.5, none: null, bytes: whole.subarray(2, 5) }
    for (const [name, value] of Object.entries(cells))
      storage.exec('INSERT OR REPLACE INTO cells VALUES (?, ?)', name, value)
    return Object.fromEntries(
      storage
        .exec('SELECT name, value FROM cells')
        .map(({ name, value }) => [
          String(name),
          value instanceof ArrayBuffer ? { buffer: [...new Uint8Array(value)] } : value,
        ]),
    )
  }

  /** What stands in storage after transactions that end well, badly, and one inside the other. */
  private transactions(): unknown {
    const { storage } = this.platform
    const answer = storage.transaction(() => {
      this.write('written', 1)
      this.write('written', 2)
      return 'returned'
    })
    const failing = (write: () => void) => {
      try {
        storage.transaction(() => {
          write()
          throw new Error('taken back')
        })
        return 'nothing was thrown'
      } catch (cause) {
        return (cause as Error).message
      }
    }
    const thrown = failing(() => this.write('written', 3))
    storage.transaction(() => {
      this.write('written', 4)
      failing(() => this.write('written', 5))
      storage.transaction(() => this.write('written', 6))
    })
    failing(() => storage.transaction(() => this.write('written', 7)))
    return { answer, thrown, written: this.methods.written() }
  }

  private async timers(): Promise<unknown> {
    const begun = this.platform.now()
    const order: string[] = []
    this.platform.after(60, () => order.push('second'))
    this.platform.after(20, () => order.push('first'))
    const cancel = this.platform.after(40, () => order.push('cancelled'))
    cancel()
    cancel()
    await new Promise<void>((done) => this.platform.after(100, done))
    return { order, ms: this.platform.now() - begun }
  }

  /** Changes on either side what was passed between two actors: neither may see what the other did. */
  private async exchange(other: string): Promise<unknown> {
    const given: Exchanged = { list: ['given'], bytes: Uint8Array.of(1, 2, 3) }
    const under = this.peer(other).explainTopic({ method: 'keep', parameters: [given] })
    given.list.push('spoilt by the sender')
    given.bytes.fill(9)
    const answer = (await under) as Exchanged
    answer.list.push('spoilt by the sender again')
    const kept = await this.peer(other).explainTopic({ method: 'kept', parameters: [] })
    await this.peer(other).explainTopic({ method: 'spoil', parameters: [] })
    return { kept, answer: shown(answer) }
  }
}

function shown(exchanged: Exchanged | null): unknown {
  return exchanged === null ? null : { list: [...exchanged.list], bytes: [...exchanged.bytes] }
}

/** What a connection gives back of what was attached, within the bound and past it. */
function attachments(connection: Connection): unknown {
  const before = connection.attachment()
  const rich = { text: 'ä', bytes: Uint8Array.of(1, 2), list: [{ at: 1 }], none: null }
  connection.attach(rich)
  rich.list.push({ at: 2 })
  const found = connection.attachment() as typeof rich
  connection.attach({ bytes: new Uint8Array(15 * 1024) })
  let past = 'taken'
  try {
    connection.attach({ bytes: new Uint8Array(17 * 1024) })
  } catch {
    past = 'refused'
  }
  const standing = (connection.attachment() as { bytes: Uint8Array }).bytes.length
  return { before, found: { ...found, bytes: [...found.bytes] }, past, standing }
}
