// Why a client did or did not get a message: one call, answered within a second, also where a region does not answer.
import { explainRefused, explainRoute } from '../../src/api/explain.ts'
import { decide } from '../../src/explain/decide.ts'
import { stepsOf } from '../../src/explain/steps.ts'
import { World } from '../../src/explain/world.ts'
import { EXPLAIN_CORE_MS } from '../limits.ts'
import { edgeRoutes, regionOf } from './edge.ts'
import { gatherRegion, within } from './region-facts.ts'

export const explainRoutes = edgeRoutes()

explainRoutes.openapi(explainRoute, async (c) => {
  const { device, topic, publisher = null, trace = null } = c.req.valid('query')
  const refused = explainRefused(c.var, device)
  if (refused !== null) return refused
  const begun = Date.now()
  const { fleet } = c.var.claims
  const region = regionOf(c)
  const asked = { device, topic, publisher, trace }
  const [here, core] = await Promise.all([
    gatherRegion(c.env.edge, region, fleet, asked),
    within(EXPLAIN_CORE_MS, () => c.env.edge.core(region).explain({ ...asked, fleet, region })),
  ])
  const gathered = { asked, region, here, core }
  const world = new World(gathered)
  const now = Date.now()
  const { publication } = world
  const message = publication && {
    publisher: publication.publisher,
    qos: publication.qos,
    at: new Date(now - publication.ageMs).toISOString(),
  }
  const steps = stepsOf(gathered)
  return c.json({ ...asked, ...decide(world), message, tookMs: now - begun, steps }, 200, {
    'cache-control': 'no-store',
  })
})
