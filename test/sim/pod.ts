// A pod of the core: the real directory and relay, served as k8s-core/app.ts serves them, over a store with a delay.
import type { z } from 'zod'
import { Directory } from '../../k8s-core/directory.ts'
import { EdgeSilent, type Edges, EdgeUnreachable } from '../../k8s-core/edges.ts'
import {
  EDGE_CALL_TIMEOUT_MS,
  EDGE_HANDOVER_TIMEOUT_MS,
  EDGE_PING_TIMEOUT_MS,
  EDGE_SUBSCRIBE_TIMEOUT_MS,
  FAIL_OVER_AFTER_MS,
} from '../../k8s-core/limits.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { Silence } from '../../k8s-core/silence.ts'
import type { Store } from '../../k8s-core/store/port.ts'
import type { RegionId } from '../../src/id/ids.ts'
import { envelopesRequestSchema, envelopesResponseSchema } from '../../src/relay/envelope.ts'
import {
  claimRequestSchema,
  handoverResponseSchema,
  importedRequestSchema,
  releaseResponseSchema,
  resolveRequestSchema,
} from '../../src/relay/home.ts'
import {
  drainedRequestSchema,
  homeInterestResponseSchema,
  interestRequestSchema,
} from '../../src/relay/interest.ts'
import { syncRequestSchema } from '../../src/relay/sync.ts'
import {
  regionRetainedResponseSchema,
  wideAnswerSchema,
  wideDrainedRequestSchema,
  wideRequestSchema,
  wideRetainedRequestSchema,
} from '../../src/relay/wide.ts'
import { AnsweredError, type HttpServer, request } from './http.ts'
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
  private life: PodLife | null

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.life = new PodLife(this)
  }

  get up(): boolean {
    return this.life !== null
  }

  serverFor(region: SimRegion, call: string): HttpServer {
    return {
      place: this,
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
  private readonly serving = new Set<(cause: Error) => void>()
  private readonly calls: Readonly<Record<string, Serve>>

  constructor(pod: Pod) {
    this.world = pod.world
    this.around = pod
    const store = this.store()
    const edges = this.edges()
    const now = () => this.world.now + this.world.coreAheadMs
    const pause = (ms: number) =>
      new Promise<void>((done) => {
        this.world.scheduler.after(ms, this, () => this.enter(done))
      })
    const directory = new Directory(store, edges, new Silence(edges, FAIL_OVER_AFTER_MS, now, pause), now)
    const relay = new Relay(directory, edges)
    const call = <S extends z.ZodType>(schema: S, act: (body: z.infer<S>) => Promise<unknown>): Serve => {
      return (body) => {
        const parsed = schema.safeParse(body)
        if (parsed.success) return act(parsed.data)
        this.world.breach('contract', `a request to the core: ${parsed.error.message}`)
        throw parsed.error
      }
    }
    this.calls = {
      resolve: call(resolveRequestSchema, async ({ fleet, root, region }) => ({
        home: await directory.resolve(fleet, root, region),
      })),
      claim: call(claimRequestSchema, ({ fleet, root, region }) => directory.claim(fleet, root, region)),
      imported: call(importedRequestSchema, (body) => directory.imported(body)),
      interest: call(interestRequestSchema, (body) => relay.interest(body)),
      drained: call(drainedRequestSchema, (body) => relay.drained(body)),
      sync: call(syncRequestSchema, async ({ roots }) => ({
        results: await Promise.all(
          roots.map(async (change) => ((await store.putState(change, now())) ? 'applied' : 'fenced')),
        ),
      })),
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
          ask().then(
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
      confirmImport: (...given) => far(() => store.confirmImport(...given)),
      releaseHome: (...given) => far(() => store.releaseHome(...given)),
      putState: (...given) => far(() => store.putState(...given)),
      takeState: (...given) =>
        far(async () => {
          const state = await store.takeState(...given)
          world.watch.failedOver(given[1], given[2], state)
          return state
        }),
    }
  }

  /** As k8s-core/edges.ts, over simulated requests. */
  private edges(): Edges {
    const post = async (
      id: RegionId,
      name: string,
      body: unknown,
      timeoutMs = EDGE_CALL_TIMEOUT_MS,
    ): Promise<unknown> => {
      const region = this.world.regions.get(id)
      if (region === undefined) throw new EdgeUnreachable(id, `no edge is known for ${id}`)
      try {
        return await request(this, region.server(name), timeoutMs, body)
      } catch (cause) {
        const Failure = cause instanceof AnsweredError ? EdgeUnreachable : EdgeSilent
        throw new Failure(id, `the edge of ${id} did not do ${name}: ${String(cause)}`, { cause })
      }
    }
    const ask = async <S extends z.ZodType>(
      id: RegionId,
      name: string,
      body: unknown,
      schema: S,
      timeoutMs?: number,
    ): Promise<z.infer<S>> => {
      const parsed = schema.safeParse(await post(id, name, body, timeoutMs))
      if (!parsed.success) {
        this.world.breach('contract', `the edge's answer to ${name}: ${parsed.error.message}`)
        throw new EdgeUnreachable(id, `the edge of ${id} answered ${name} strangely`)
      }
      return parsed.data
    }
    const edges: Pick<
      Edges,
      | 'regions'
      | 'ping'
      | 'deliver'
      | 'interest'
      | 'drained'
      | 'handover'
      | 'release'
      | 'wide'
      | 'wideDrained'
      | 'wideRetained'
    > = {
      regions: [...this.world.regions.keys()],
      ping: async (id) => {
        await post(id, 'ping', {}, EDGE_PING_TIMEOUT_MS)
      },
      deliver: (id, body) => ask(id, 'envelopes', body, envelopesResponseSchema),
      interest: (id, body) =>
        ask(id, 'interest', body, homeInterestResponseSchema, EDGE_SUBSCRIBE_TIMEOUT_MS),
      drained: async (id, body) => {
        await post(id, 'drained', body)
      },
      handover: (id, body) => ask(id, 'handover', body, handoverResponseSchema, EDGE_HANDOVER_TIMEOUT_MS),
      release: (id, body) => ask(id, 'release', body, releaseResponseSchema),
      wide: (id, body) => ask(id, 'wide', body, wideAnswerSchema, EDGE_SUBSCRIBE_TIMEOUT_MS),
      wideDrained: async (id, body) => {
        await post(id, 'wide-drained', body)
      },
      wideRetained: (id, body) => ask(id, 'wide-retained', body, regionRetainedResponseSchema),
    }
    return edges as Edges
  }
}
