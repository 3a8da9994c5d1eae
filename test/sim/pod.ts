// A pod of the core: the real directory and relay, served as k8s-core/app.ts serves them, over a store with a delay.
import type { z } from 'zod'
import { Directory } from '../../k8s-core/directory.ts'
import { EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import { History } from '../../k8s-core/history.ts'
import { FAIL_OVER_AFTER_MS } from '../../k8s-core/limits.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { Silence } from '../../k8s-core/silence.ts'
import type { Store } from '../../k8s-core/store/port.ts'
import { syncRoot } from '../../k8s-core/sync.ts'
import { envelopesRequestSchema } from '../../src/relay/envelope.ts'
import { historyRequestSchema } from '../../src/relay/history.ts'
import { claimRequestSchema, importedRequestSchema, resolveRequestSchema } from '../../src/relay/home.ts'
import { drainedRequestSchema, interestRequestSchema } from '../../src/relay/interest.ts'
import { syncRequestSchema } from '../../src/relay/sync.ts'
import { RELAY_VERSION_CURRENT, RELAY_VERSION_MIN, type RelayVersion } from '../../src/relay/version.ts'
import {
  wideDrainedRequestSchema,
  wideRequestSchema,
  wideRetainedRequestSchema,
} from '../../src/relay/wide.ts'
import type { HttpServer } from './http.ts'
import { PodEdges } from './pod-edges.ts'
import type { SimRegion } from './region.ts'
import type { Place, Task } from './scheduler.ts'
import type { Sender } from './sender.ts'
import type { World } from './world.ts'

type Serve = (body: unknown) => Promise<unknown>

export class Pod implements Place {
  readonly around = null
  frozen = false
  readonly held: Task[] = []
  readonly world: World
  readonly name: string
  /** Every second pod is of the release before. */
  readonly version: RelayVersion
  /** How far its clock is ahead of the world's. */
  private readonly clockAheadMs: number
  private life: PodLife | null

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.clockAheadMs = world.clockAheadMs()
    this.version = world.pods.length % 2 === 0 ? RELAY_VERSION_CURRENT : RELAY_VERSION_MIN
    this.life = new PodLife(this)
  }

  /** Its own clock's time, ms since the epoch. */
  get now(): number {
    return this.world.now + this.clockAheadMs
  }

  get up(): boolean {
    return this.life !== null
  }

  serverFor(region: SimRegion, call: string): HttpServer {
    return {
      place: this,
      version: this.version,
      cut: () => region.cut,
      serve: (body, respond, reset) => {
        if (this.life === null) reset(new Error('connection refused'))
        else this.life.serve(call, body, respond, reset)
      },
    }
  }

  die(): void {
    this.world.note(`${this.name} dies`)
    const { life } = this
    this.life = null
    life?.end()
  }

  start(): void {
    this.life ??= new PodLife(this)
  }
}

class PodLife implements Sender {
  readonly world: World
  readonly around: Place
  over = false
  frozen = false
  readonly held: Task[] = []
  readonly pending = new Set<object>()
  readonly subrequests = null
  private readonly serving = new Set<(cause: Error) => void>()
  private readonly calls: Readonly<Record<string, Serve>>

  constructor(pod: Pod) {
    this.world = pod.world
    this.around = pod
    const store = this.store()
    const edges = new PodEdges(this.world, this)
    const now = () => pod.now
    const pause = (ms: number) =>
      new Promise<void>((done) => {
        this.world.scheduler.after(ms, this, () => this.enter(done))
      })
    const silence = new Silence(edges, FAIL_OVER_AFTER_MS, now, pause)
    const directory = new Directory(store, edges, silence, now, (_fleet, root, { region, epoch }) => {
      this.world.putRight++
      this.world.note(`the directory had forgotten that ${root} is at home in ${region}, epoch ${epoch}`)
    })
    const relay = new Relay(directory, edges)
    const history = new History(store, relay)
    const call = <S extends z.ZodType>(schema: S, act: (body: z.infer<S>) => Promise<unknown>): Serve => {
      return (body) => {
        const parsed = schema.safeParse(body)
        if (parsed.success) return act(parsed.data)
        this.world.breach('contract', `a request to the core: ${parsed.error.message}`)
        throw parsed.error
      }
    }
    this.calls = {
      resolve: call(resolveRequestSchema, async ({ fleet, root, region, known, begin = true }) => ({
        home: begin
          ? await directory.resolve(fleet, root, region, known)
          : await directory.find(fleet, root, known),
      })),
      claim: call(claimRequestSchema, ({ fleet, root, region, ...asked }) =>
        directory.claim(fleet, root, region, asked),
      ),
      imported: call(importedRequestSchema, (body) => directory.imported(body)),
      interest: call(interestRequestSchema, (body) => relay.interest(body)),
      drained: call(drainedRequestSchema, (body) => relay.drained(body)),
      sync: call(syncRequestSchema, async ({ roots }) => ({
        results: await Promise.all(roots.map((change) => syncRoot(store, change))),
      })),
      history: call(historyRequestSchema, (body) => history.read(body)),
      wide: call(wideRequestSchema, (body) => relay.wide(body)),
      'wide-drained': call(wideDrainedRequestSchema, (body) => relay.wideDrained(body)),
      'wide-retained': call(wideRetainedRequestSchema, (body) => relay.wideRetained(body)),
      envelopes: call(envelopesRequestSchema, async ({ region, envelopes }) => ({
        results: await relay.pass(region, envelopes),
      })),
    }
  }

  serve(
    name: string,
    body: unknown,
    respond: (answer: unknown) => void,
    reset: (cause: Error) => void,
  ): void {
    const serve = this.calls[name]
    if (serve === undefined) throw new Error(`the core has no ${name}`)
    this.serving.add(reset)
    Promise.resolve()
      .then(() => serve(body))
      .then(
        (answer) => {
          if (!this.over) respond(answer)
          this.serving.delete(reset)
        },
        (cause) => {
          if (!(cause instanceof EdgeUnreachable))
            this.world.note(`the core failed on ${name}: ${String(cause)}`)
          if (!this.over) reset(cause as Error)
          this.serving.delete(reset)
        },
      )
  }

  end(): void {
    this.over = true
    for (const reset of this.serving) reset(new Error('connection reset'))
    this.serving.clear()
  }

  send(go: () => void): void {
    if (!this.over) go()
  }

  enter(act: () => void): void {
    if (!this.over) act()
  }

  /** The store is a network away. */
  private store(): Store {
    const { world } = this
    const far = <T>(ask: () => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        world.scheduler.after(world.storeDelay(), this, () => {
          const asked = world.storeDown ? Promise.reject(new Error('the store is down')) : ask()
          asked.then(
            (value) => {
              world.scheduler.after(world.storeDelay(), this, () => this.enter(() => resolve(value)))
            },
            (cause) => this.enter(() => reject(cause)),
          )
        })
      })
    const { store } = world
    return {
      ...store,
      home: (...given) => far(() => store.home(...given)),
      claimHome: (...given) => far(() => store.claimHome(...given)),
      restoreHome: (...given) => far(() => store.restoreHome(...given)),
      confirmImport: (...given) => far(() => store.confirmImport(...given)),
      releaseHome: (...given) => far(() => store.releaseHome(...given)),
      putHistory: (...given) => far(() => store.putHistory(...given)),
      history: (...given) => far(() => store.history(...given)),
      putState: (...given) => far(() => store.putState(...given)),
      takeState: (...given) =>
        far(async () => {
          const state = await store.takeState(...given)
          world.watch.failedOver(given[1], given[2], state)
          return state
        }),
    }
  }
}
