// A device's credentials and groups.
import type { Context } from 'hono'
import {
  joinGroupRoute,
  leaveGroupRoute,
  listGroupsRoute,
  revokeAllRoute,
  revokeOneRoute,
  rotateRoute,
} from '../../src/api/credentials.ts'
import type { ClientId } from '../../src/id/ids.ts'
import { GROUPS_MAX } from '../../src/id/registry-names.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import type { CoreParts } from '../parts.ts'
import { makeCredential, revoke, rotate } from '../registry/credentials.ts'
import { recordOf } from '../registry/device-record.ts'
import type { ChangeDevice, Done } from '../registry/devices.ts'
import {
  cursorOf,
  notACursor,
  positionOf,
  refusalText,
  shownCredential,
  shownDevice,
  unknownDevice,
} from './registry-answers.ts'
import { type CoreApi, coreRoutes } from './routes.ts'

export function credentialRoutes({ registry }: Pick<CoreParts, 'registry'>) {
  const { devices } = registry
  const routes = coreRoutes()
  const changed = (c: Context<CoreApi>, { device, pending }: Done) => ({
    device: shownDevice(c.var.claims.fleet, device),
    pending: [...pending],
  })

  routes.openapi(rotateRoute, async (c) => {
    const { graceSeconds, expiresInSeconds } = c.req.valid('json')
    const now = registry.now()
    const made = await makeCredential(
      now,
      expiresInSeconds === undefined ? null : now + expiresInSeconds * 1000,
    )
    const graceMs = graceSeconds === undefined ? null : graceSeconds * 1000
    const outcome = await rotate(
      devices,
      c.var.claims.fleet,
      c.req.valid('param').device,
      null,
      made,
      graceMs,
    )
    if (outcome.status === 'full')
      return problemResponse(
        'registry-limit',
        'The device has as many credentials as it may have: revoke one',
      )
    if (outcome.status !== 'done') return unknownDevice()
    return c.json({ ...changed(c, outcome), credential: shownCredential(made.shown) }, 201)
  })

  routes.openapi(revokeOneRoute, async (c) => {
    const { device, credential } = c.req.valid('param')
    const outcome = await revoke(devices, c.var.claims.fleet, device, null, credential)
    if (outcome.status !== 'done')
      return problemResponse('unknown-credential', 'No such device or credential is registered', {
        field: 'credential',
      })
    return c.json(changed(c, outcome), 200)
  })

  routes.openapi(revokeAllRoute, async (c) => {
    const outcome = await revoke(devices, c.var.claims.fleet, c.req.valid('param').device, null, null)
    return outcome.status === 'done' ? c.json(changed(c, outcome), 200) : unknownDevice()
  })

  routes.openapi(listGroupsRoute, async (c) => {
    const { cursor, limit } = c.req.valid('query')
    const after = positionOf(cursor)
    if (after === undefined) return notACursor()
    const page = await devices.groups(c.var.claims.fleet, after, limit)
    return c.json({ items: page.groups, next: cursorOf(page.next) }, 200)
  })

  const regroup = (c: Context<CoreApi>, id: ClientId, change: (groups: Set<string>) => void) => {
    const changing: ChangeDevice = (device) => {
      const groups = new Set(device.groups)
      change(groups)
      if (groups.size > GROUPS_MAX) return { status: 'full', field: 'groups' }
      return { ...recordOf(device), groups: [...groups].sort() }
    }
    return devices.change(c.var.claims.fleet, id, null, changing)
  }
  routes.openapi(joinGroupRoute, async (c) => {
    const { group, device } = c.req.valid('param')
    const outcome = await regroup(c, device, (groups) => groups.add(group))
    if (outcome.status === 'full')
      return problemResponse('registry-limit', refusalText(outcome), { field: 'group' })
    return outcome.status === 'done' ? c.json(changed(c, outcome), 200) : unknownDevice()
  })
  routes.openapi(leaveGroupRoute, async (c) => {
    const { group, device } = c.req.valid('param')
    const outcome = await regroup(c, device, (groups) => groups.delete(group))
    return outcome.status === 'done' ? c.json(changed(c, outcome), 200) : unknownDevice()
  })
  return routes
}
