// Many shadows, made, changed and read over HTTP as an app does it; what the last answer about each was.
import { performance } from 'node:perf_hooks'
import { z } from 'zod'
import { CLASSIC_SHADOW, namedShadow } from '../../src/id/shadow-topic.ts'
import type { World } from './world.ts'

const ABREAST = 48
const REQUEST_MS_MAX = 30_000

const shadowSchema = z.object({
  state: z.object({ reported: z.object({ n: z.int() }) }),
  version: z.int(),
})

/** What is known of a shadow. */
export interface Known {
  /** As last confirmed: its version, and the number in it. */
  version: number
  n: number
  /** An update after that was not answered: it may have been made. */
  uncertain: boolean
  busy: boolean
}

export class ShadowFleet {
  readonly known: Known[] = []
  /** What the last request that failed was answered with. */
  lastFailure = ''
  readonly #world: World
  readonly #perDevice: number
  #authorization = ''
  #numbers = 0

  /** @param perDevice how many shadows a device has: one of its own, or so many named ones */
  constructor(world: World, perDevice = 1) {
    this.#world = world
    this.#perDevice = perDevice
  }

  root(i: number): string {
    return `devices/${this.#device(i)}`
  }

  path(i: number): string {
    const name = this.#name(i)
    return name === null ? CLASSIC_SHADOW : (namedShadow(name) ?? '')
  }

  #device(i: number): string {
    return `shadow-${Math.floor(i / this.#perDevice)}`
  }

  #name(i: number): string | null {
    return this.#perDevice === 1 ? null : `n${i % this.#perDevice}`
  }

  /** Makes shadows until there are so many; all are at home in the region. */
  async grow(count: number, region: string): Promise<void> {
    this.#authorization = `Bearer ${await this.#world.token('app')}`
    const from = this.known.length
    for (let i = from; i < count; i++) this.known.push({ version: 0, n: 0, uncertain: false, busy: false })
    await abreast(count - from, async (i) => {
      while (!(await this.update(from + i, region))) await new Promise((again) => setTimeout(again, 100))
    })
  }

  /** Changes one that nobody else changes now; false where that was not confirmed. */
  async update(i: number, region: string): Promise<boolean> {
    const known = this.known[i]
    if (known === undefined || known.busy) return false
    known.busy = true
    try {
      const n = ++this.#numbers
      const response = await this.#request(i, region, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ state: { reported: { n, temperature: 20 + (n % 10), on: n % 2 === 0 } } }),
      })
      if (!response.ok) {
        this.lastFailure = `${response.status} ${await response.text()}`
        // A refusal changes nothing; what failed may have.
        known.uncertain ||= response.status >= 500
        return false
      }
      const { version } = shadowSchema.pick({ version: true }).parse(await response.json())
      Object.assign(known, { version, n, uncertain: false })
      return true
    } catch (cause) {
      this.lastFailure = String(cause)
      known.uncertain = true
      return false
    } finally {
      known.busy = false
    }
  }

  /** Null where it could not be read. */
  async read(i: number, region: string): Promise<{ readonly version: number; readonly n: number } | null> {
    try {
      const response = await this.#request(i, region, {})
      const parsed = shadowSchema.safeParse(await response.json())
      if (parsed.success) return { version: parsed.data.version, n: parsed.data.state.reported.n }
      this.lastFailure = `a read was answered with ${response.status}`
      return null
    } catch (cause) {
      this.lastFailure = String(cause)
      return null
    }
  }

  #request(i: number, region: string, init: RequestInit): Promise<Response> {
    const name = this.#name(i)
    const query = name === null ? '' : `?name=${name}`
    return fetch(`${this.#world.httpUrl(region)}/v1/devices/${this.#device(i)}/shadow${query}`, {
      ...init,
      headers: { ...init.headers, authorization: this.#authorization },
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    })
  }
}

/** Does the work for 0 to `count` - 1, some side by side, in order of beginning. */
export async function abreast(
  count: number,
  work: (i: number) => Promise<void>,
  width = ABREAST,
): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++)
    }),
  )
}

/** The same for a time, with no end of work. @returns how long it took, in seconds */
export async function abreastFor(ms: number, work: () => Promise<void>, width = ABREAST): Promise<number> {
  const from = performance.now()
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (performance.now() - from < ms) await work()
    }),
  )
  return (performance.now() - from) / 1000
}
