// The registered devices of the administrator's fleet.
import type { Context } from 'hono'
import {
  changeDeviceRoute,
  createDeviceRoute,
  deleteDeviceRoute,
  importDevicesRoute,
  listDevicesRoute,
  readDeviceRoute,
} from '../../src/api/devices.ts'
import { type Match, matchOf } from '../../src/api/etag.ts'
import { ATTRIBUTE_VALUE, REGISTRY_NAME } from '../../src/id/registry-names.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import type { CoreParts } from '../parts.ts'
import { makeCredential } from '../registry/credentials.ts'
import { type ImportResult, importDevices } from '../registry/device-import.ts'
import { patching, sorted } from '../registry/device-patch.ts'
import {
  changedMeanwhile,
  cursorOf,
  etagOf,
  notACursor,
  positionOf,
  refusalText,
  shownCredential,
  shownDevice,
  unknownDevice,
} from './registry-answers.ts'
import { type CoreApi, coreRoutes } from './routes.ts'

export function deviceRoutes({ registry }: Pick<CoreParts, 'registry'>) {
  const { devices, fleets } = registry
  const routes = coreRoutes()
  const noFleet = async (c: Context<CoreApi>) =>
    (await fleets.exists(c.var.claims.fleet))
      ? null
      : problemResponse('unknown-fleet', 'The fleet has no registry yet: make it first', { field: 'fleet' })

  routes.openapi(createDeviceRoute, async (c) => {
    const missing = await noFleet(c)
    if (missing !== null) return missing
    const { fleet } = c.var.claims
    const { id, credential, secret, attributes, groups, ...rest } = c.req.valid('json')
    const made =
      credential || secret !== undefined ? await makeCredential(registry.now(), null, secret ?? null) : null
    const described = {
      ...rest,
      attributes: sorted(Object.entries(attributes)),
      groups: [...new Set(groups)].sort(),
    }
    const outcome = await devices.create(fleet, id, described, made?.stored ?? null)
    if (outcome.status !== 'done')
      return problemResponse('device-exists', 'The device is registered already', { field: 'id' })
    c.header('etag', etagOf(outcome.device))
    c.header('location', `/v1/devices/${encodeURIComponent(id)}`)
    const shown = made === null ? null : shownCredential(made.shown)
    return c.json({ device: shownDevice(fleet, outcome.device), credential: shown }, 201)
  })

  routes.openapi(listDevicesRoute, async (c) => {
    const { fleet } = c.var.claims
    const {
      group = null,
      type = null,
      attribute = [],
      prefix = '',
      enabled,
      cursor,
      limit,
    } = c.req.valid('query')
    const after = positionOf(cursor)
    if (after === undefined) return notACursor()
    const attributes: (readonly [string, string])[] = []
    for (const text of typeof attribute === 'string' ? [attribute] : attribute) {
      const at = text.indexOf(':')
      const [name, value] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)]
      if (!REGISTRY_NAME.test(name) || !ATTRIBUTE_VALUE.test(value))
        return problemResponse('invalid-request', 'The request is not valid', {
          field: 'attribute',
          detail: 'not name:value',
        })
      attributes.push([name, value])
    }
    const wanted = {
      group,
      type,
      attributes,
      prefix,
      after,
      limit,
      enabled: enabled === undefined ? null : enabled === 'true',
    }
    const page = await devices.find(fleet, wanted)
    const items = page.devices.map((device) => shownDevice(fleet, device))
    return c.json({ items, next: cursorOf(page.next) }, 200)
  })

  routes.openapi(readDeviceRoute, async (c) => {
    const { fleet } = c.var.claims
    const device = await devices.get(fleet, c.req.valid('param').device)
    if (device === null) return unknownDevice()
    c.header('etag', etagOf(device))
    return c.json(shownDevice(fleet, device), 200)
  })

  routes.openapi(changeDeviceRoute, async (c) => {
    const { fleet } = c.var.claims
    const id = c.req.valid('param').device
    const match = matchOf(c.req.valid('header')['If-Match'])
    const outcome = await devices.change(fleet, id, versionOf(match), patching(c.req.valid('json')))
    if (outcome.status === 'changed') return changedMeanwhile(outcome.device)
    if (outcome.status === 'full')
      return problemResponse('invalid-request', 'The request is not valid', {
        field: outcome.field,
        detail: refusalText(outcome),
      })
    if (outcome.status !== 'done') return notThere(match)
    c.header('etag', etagOf(outcome.device))
    return c.json({ device: shownDevice(fleet, outcome.device), pending: [...outcome.pending] }, 200)
  })

  routes.openapi(deleteDeviceRoute, async (c) => {
    const { fleet } = c.var.claims
    const match = matchOf(c.req.valid('header')['If-Match'])
    const outcome = await devices.change(fleet, c.req.valid('param').device, versionOf(match), () => null)
    if (outcome.status === 'changed') return changedMeanwhile(outcome.device)
    if (outcome.status !== 'done') return notThere(match)
    return c.json({ pending: [...outcome.pending] }, 200)
  })

  routes.openapi(importDevicesRoute, async (c) => {
    const missing = await noFleet(c)
    if (missing !== null) return missing
    const results = await importDevices(devices, c.var.claims.fleet, c.req.valid('json'), registry.now())
    return c.json({ results: results.map(shownResult) }, 200)
  })
  return routes
}

/** The version that a device must have to be changed; null for any, since only a device that exists is changed. */
function versionOf(match: Match): number | null {
  return match === 'any' ? null : match
}

function notThere(match: Match) {
  if (match !== 'any') return unknownDevice()
  return problemResponse('version-mismatch', 'No such device is registered', { field: 'If-Match' })
}

function shownResult(result: ImportResult) {
  const { id, status } = result
  switch (status) {
    case 'created':
      return {
        id,
        status,
        ...(result.credential !== null && { credential: shownCredential(result.credential) }),
      }
    case 'failed': {
      const { because } = result
      return {
        id,
        status,
        problem: because === 'store' ? 'the store did not answer: send it again' : refusalText(because),
      }
    }
    case 'updated':
    case 'unchanged':
      return { id, status }
    default:
      return status satisfies never
  }
}
