// One client id that connects in two regions at the same moment, over and over.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random/random.ts'
import type { Where } from './client.ts'
import { Connection } from './connection.ts'
import { type Apart, type DoubleConnection, doubleConnections, type Served } from './served.ts'

const PING_EVERY_MS = 200
const ROUND_MS = 4_000
/** When a new home has the session, and the old connection has been closed. */
const SETTLE_MS = 5_000
const SETTLE_TRIES = 3

export class Racer {
  readonly id: string
  readonly #where: Where & { readonly regions: readonly string[] }
  readonly #random: Random
  readonly #all: Connection[] = []
  #password = ''
  #version: 4 | 5 = 5

  constructor(where: Where & { readonly regions: readonly string[] }, id: string, random: Random) {
    this.#where = where
    this.id = id
    this.#random = random
  }

  async run(running: () => boolean): Promise<void> {
    this.#password = await this.#where.token(this.id)
    while (running()) {
      const round = this.#race()
      const until = Date.now() + this.#random.between(0.5, 1.5) * ROUND_MS
      while (running() && Date.now() < until) await sleep(50)
      for (const connection of round) {
        if (this.#random.next() < 0.5) connection.leave()
        else connection.drop()
      }
    }
  }

  /**
   * All healed: of two that connect at once, how many are served once that is settled. Exactly one is right; where each
   * has sent the other away, they try again.
   */
  async settled(): Promise<number> {
    for (let tries = 0; tries < SETTLE_TRIES; tries++) {
      const open = await this.#settledOnce()
      if (open > 0) return open
    }
    return 0
  }

  async #settledOnce(): Promise<number> {
    const round = this.#race()
    const deadline = Date.now() + 4 * SETTLE_MS
    while (!round.some(({ connectedAt }) => connectedAt > 0) && Date.now() < deadline) await sleep(50)
    await sleep(SETTLE_MS)
    const since = Date.now()
    await sleep(SETTLE_MS / 2)
    const open = round.filter((connection) => !connection.closed && connection.servedUntil > since).length
    for (const connection of round) connection.drop()
    return open
  }

  doubles(apart: readonly Apart[]): DoubleConnection[] {
    const served: Served[] = this.#all
      .filter(({ connectedAt }) => connectedAt > 0)
      .map(({ region, connectedAt, servedUntil }) => ({ region, from: connectedAt, until: servedUntil }))
    return doubleConnections(this.id, served, apart)
  }

  get connections(): number {
    return this.#all.filter(({ connectedAt }) => connectedAt > 0).length
  }

  end(): void {
    for (const connection of this.#all) connection.drop()
  }

  #race(): Connection[] {
    this.#version = this.#version === 5 ? 4 : 5
    const first = this.#random.pick(this.#where.regions)
    const second = this.#random.pick(this.#where.regions.filter((region) => region !== first))
    return [first, second].map((region) => {
      const connection = new Connection(
        {
          url: this.#where.mqttUrl(region, this.id),
          id: this.id,
          password: this.#password,
          version: this.#version,
          region,
        },
        { packet: () => undefined, closed: () => undefined },
        PING_EVERY_MS,
      )
      this.#all.push(connection)
      return connection
    })
  }
}
