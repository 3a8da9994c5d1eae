// The core's HTTP interface: the calls of the edges, the public API and the probes. Stateless: pods need nothing from each other.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, Hono } from 'hono'
import type { z } from 'zod'
import { decodableAddress } from '../src/api/address.ts'
import { problemsPages } from '../src/api/problems-page.ts'
import { nothingHere, refusedByLibrary } from '../src/api/public-api.ts'
import { parseRegionId, type RegionId } from '../src/id/ids.ts'
import { type AccessResponse, accessRequestSchema } from '../src/relay/access.ts'
import { commandRequestSchema } from '../src/relay/command.ts'
import { envelopesRequestSchema } from '../src/relay/envelope.ts'
import { explainRequestSchema } from '../src/relay/explain.ts'
import { historyRequestSchema } from '../src/relay/history.ts'
import { claimRequestSchema, importedRequestSchema, resolveRequestSchema } from '../src/relay/home.ts'
import { drainedRequestSchema, interestRequestSchema } from '../src/relay/interest.ts'
import { presenceRequestSchema } from '../src/relay/presence.ts'
import { invalid, problemResponse } from '../src/relay/problem.ts'
import { provisionRequestSchema } from '../src/relay/provision.ts'
import { inVersion, relayResponse, requestBody } from '../src/relay/serve.ts'
import { sessionRequestSchema } from '../src/relay/session-admin.ts'
import { shadowRequestSchema } from '../src/relay/shadow.ts'
import { type RootChange, type SyncResult, syncRequestSchema } from '../src/relay/sync.ts'
import { verifyRelay } from '../src/relay/token.ts'
import type { RelayVersion } from '../src/relay/version.ts'
import { wideDrainedRequestSchema, wideRequestSchema, wideRetainedRequestSchema } from '../src/relay/wide.ts'
import { EdgeUnreachable } from './edge-errors.ts'
import { History } from './history.ts'
import { coreApi } from './http/api.ts'
import { STORE_PING_MS } from './limits.ts'
import type { CoreParts } from './parts.ts'
import { accessOf } from './registry/device-record.ts'
import { saysUnavailable } from './store/availability.ts'
import type { Store } from './store/port.ts'
import { syncRoot } from './sync.ts'

/** Logged with the root: its former home's messages arrive after newer ones. */
export const BEGINS_FROM_STORE = 'a home begins with the state in the store: its former home is unreachable'
/** Logged with the root and the former home's region: from now on the former home accepts no message. */
export const FORMER_HOME_KNOWS = 'a former home knows its successor'
/** Logged with root, region and epoch, at level debug: each orderly move logs this line and the next. */
export const BEGINS_IN_ORDER = 'a home begins with the state that its former home handed over'
export const HAS_ALL = 'a home has imported everything from its former home'

/** What `/readyz` says of a pod without its store. */
const REFUSED_WITHOUT_STORE = [
  'first use of a root, and roots that this pod does not know',
  'connecting in another region than the last time',
  'changes of the registry, provisioning and first connections of devices with a secret',
  'history, lists and shadows of lost regions',
]

interface Variables {
  caller: RegionId
  version: RelayVersion
}

type CoreContext = Context<{ Variables: Variables }>

export function coreApp(parts: CoreParts) {
  const { store, directory, relay, registry, relaySecret, log, metrics, draining } = parts
  const app = new Hono<{ Variables: Variables }>()

  app.use(decodableAddress)
  app.get('/livez', (c) => c.json({ live: true }))
  app.get('/readyz', async (c) => {
    if (draining()) return problemResponse('draining', 'Draining')
    const answers = await storeAnswers(store)
    metrics?.storeAnswers(answers)
    // Ready without the store too: else all pods would leave the service together, and messages between known homes need none.
    if (answers) return c.json({ ready: true, store: 'answers' })
    return c.json({ ready: true, store: 'away', refused: REFUSED_WITHOUT_STORE })
  })

  app.use('/relay/:version/*', inVersion)
  // Before the body is read: whoever has no token must not fill the memory of a pod.
  app.use('/relay/*', async (c, next) => {
    const caller = await verifyRelay(c.req.header('authorization'), relaySecret, 'core')
    const region = caller?.startsWith('edge:') === true ? parseRegionId(caller.slice('edge:'.length)) : null
    if (region === null)
      return problemResponse('unauthenticated', 'Only an edge may call this, with a fresh token')
    c.set('caller', region)
    return next()
  })

  /** Declares a call of an edge. An edge may name only its own region. */
  const call = <S extends z.ZodType>(
    name: string,
    schema: S,
    serve: (c: CoreContext, request: z.infer<S>) => Promise<Response>,
  ) => {
    app.post(`/relay/:version/${name}`, async (c) => {
      // Views are safe: no part of a request outlives its call.
      const read = await requestBody(c.req.raw, true)
      if ('problem' in read) return read.problem
      const parsed = schema.safeParse(read.body)
      if (!parsed.success) return invalid(parsed.error)
      const { region } = parsed.data as { region?: RegionId }
      if (region !== undefined && region !== c.var.caller) {
        return problemResponse('other-region', 'An edge may name only its own region', { field: 'region' })
      }
      return serve(c, parsed.data)
    })
  }

  const answer = (c: CoreContext, body: object) => relayResponse(c.var.version, body)

  call('resolve', resolveRequestSchema, async (c, { fleet, root, region, known, begin = true }) =>
    answer(c, {
      home: begin
        ? await directory.resolve(fleet, root, region, known)
        : await directory.find(fleet, root, known),
    }),
  )
  call('claim', claimRequestSchema, async (c, { fleet, root, region, ...asked }) => {
    const claimed = await directory.claim(fleet, root, region, asked)
    // An operator and the chaos run look for homes that began without their former home.
    const begun = { fleet, root, region, epoch: claimed.home.epoch }
    if (claimed.synced) log.warn(begun, BEGINS_FROM_STORE)
    else if (claimed.home.region === region && claimed.state !== null && claimed.page?.next == null)
      log.debug(begun, BEGINS_IN_ORDER)
    return answer(c, claimed)
  })
  call('imported', importedRequestSchema, async (c, request) => {
    const { fleet, root, epoch, synced } = request
    const formerKnows = (region: RegionId) => {
      if (synced) log.warn({ fleet, root, region, epoch }, FORMER_HOME_KNOWS)
    }
    const imported = await directory.imported(request, formerKnows)
    if (imported.done && !synced) log.debug({ fleet, root, region: request.region, epoch }, HAS_ALL)
    return answer(c, imported)
  })
  call('interest', interestRequestSchema, async (c, request) => answer(c, await relay.interest(request)))
  call('drained', drainedRequestSchema, async (c, request) => {
    await relay.drained(request)
    return c.body(null, 204)
  })
  call('envelopes', envelopesRequestSchema, async (c, { region, envelopes }) =>
    answer(c, { results: await relay.pass(region, envelopes) }),
  )

  call('explain', explainRequestSchema, async (c, request) => answer(c, await relay.explain(request)))
  call('session', sessionRequestSchema, async (c, request) => answer(c, await relay.session(request)))
  call('presence', presenceRequestSchema, async (c, request) => answer(c, await relay.presence(request)))
  const sync = async (region: RegionId, change: RootChange): Promise<SyncResult> => {
    const { fleet, root, epoch } = change
    const from = performance.now()
    let result: SyncResult
    try {
      result = await syncRoot(store, change)
    } catch (cause) {
      log.warn({ err: cause, fleet, root }, 'the store did not take a state')
      result = 'failed'
    }
    if (result === 'fenced') log.warn({ fleet, root, region, epoch }, FORMER_HOME_KNOWS)
    metrics?.synced(change, result, performance.now() - from)
    return result
  }
  call('sync', syncRequestSchema, async (c, { region, roots }) =>
    answer(c, { results: await Promise.all(roots.map((change) => sync(region, change))) }),
  )

  call('shadow', shadowRequestSchema, async (c, request) =>
    answer(c, await relay.shadow(request, () => store.shadow(request.fleet, request.root, request.path))),
  )

  const history = new History(store, relay)
  call('history', historyRequestSchema, async (c, request) => answer(c, await history.read(request)))
  call('access', accessRequestSchema, async (c, { fleet, client }) => {
    const device = await registry.devices.get(fleet, client)
    const access = device === null ? null : accessOf(device)
    return answer(c, { clock: registry.now(), access } satisfies AccessResponse)
  })
  call('provision', provisionRequestSchema, async (c, request) =>
    answer(c, await registry.provisioning.provision(request)),
  )
  call('command', commandRequestSchema, async (c, request) => answer(c, await relay.command(request)))

  call('wide', wideRequestSchema, async (c, request) => answer(c, await relay.wide(request)))
  call('wide-drained', wideDrainedRequestSchema, async (c, request) => {
    await relay.wideDrained(request)
    return c.body(null, 204)
  })
  call('wide-retained', wideRetainedRequestSchema, async (c, request) =>
    answer(c, await relay.wideRetained(request)),
  )

  app.route('/', coreApi(parts))
  app.route('/', problemsPages())
  app.notFound(nothingHere(app))
  app.onError((cause, c) => {
    const refused = refusedByLibrary(cause)
    if (refused !== null) return refused
    if (cause instanceof EdgeUnreachable) {
      return problemResponse('region-unreachable', 'A region cannot be reached', { detail: cause.message })
    }
    if (saysUnavailable(cause)) {
      log.warn({ err: cause, path: c.req.path }, 'a request needs the store, which does not answer')
      return problemResponse('store-unavailable', 'The store does not answer', {
        detail: 'This request needs the store. Requests about homes that the core knows do not.',
      })
    }
    log.error({ err: cause, path: c.req.path }, 'a request failed')
    return problemResponse('internal-error', 'The core failed on this request')
  })
  return app
}

/** False after STORE_PING_MS too: a probe does not wait for a driver's timeouts. */
async function storeAnswers(store: Store): Promise<boolean> {
  const over = new AbortController()
  try {
    return await Promise.race([
      store.ping().then(() => true),
      sleep(STORE_PING_MS, false, { signal: over.signal }),
    ])
  } catch {
    return false
  } finally {
    over.abort()
  }
}
