// Fleets, for the administrators of the default fleet; the administrators of another fleet see their own.
import type { Context } from 'hono'
import { listFleetsRoute, putFleetRoute, readFleetRoute } from '../../src/api/fleets.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import type { CoreParts } from '../parts.ts'
import type { Fleet } from '../registry/fleets.ts'
import { cursorOf, iso, notACursor, positionOf } from './registry-answers.ts'
import { type CoreApi, coreRoutes } from './routes.ts'

export function fleetRoutes({ registry: { fleets } }: Pick<CoreParts, 'registry'>) {
  const routes = coreRoutes()
  /** @param own whether the fleet's own administrators may call it too */
  const refused = (c: Context<CoreApi>, own: string | null) => {
    const { fleet } = c.var.claims
    return fleet === DEFAULT_FLEET || fleet === own
      ? null
      : problemResponse(
          'not-administrator',
          `Only administrators of the fleet ${DEFAULT_FLEET} may do this`,
          {
            field: 'Authorization',
          },
        )
  }

  routes.openapi(listFleetsRoute, async (c) => {
    const no = refused(c, null)
    if (no !== null) return no
    const { cursor, limit } = c.req.valid('query')
    const after = positionOf(cursor)
    if (after === undefined) return notACursor()
    const page = await fleets.list(after, limit)
    return c.json({ items: page.fleets.map(shown), next: cursorOf(page.next) }, 200)
  })

  routes.openapi(readFleetRoute, async (c) => {
    const { fleet: id } = c.req.valid('param')
    const no = refused(c, id)
    if (no !== null) return no
    const fleet = await fleets.get(id)
    return fleet === null
      ? problemResponse('unknown-fleet', 'There is no such fleet', { field: 'fleet' })
      : c.json(shown(fleet), 200)
  })

  routes.openapi(putFleetRoute, async (c) => {
    const no = refused(c, null)
    if (no !== null) return no
    const { fleet, made } = await fleets.put(c.req.valid('param').fleet, c.req.valid('json').description)
    return made ? c.json(shown(fleet), 201) : c.json(shown(fleet), 200)
  })
  return routes
}

function shown({ id, description, createdAt }: Fleet) {
  return { id, description, createdAt: iso(createdAt) }
}
