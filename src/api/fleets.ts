// Fleets in the core's public API: made by the administrators of the default one, who run the deployment.
import { createRoute, z } from '@hono/zod-openapi'
import { administered } from './devices.ts'
import { fleetIdSchema } from './names.ts'
import { pageQuerySchema, pageSchema } from './paging.ts'
import { requestObject } from './request-object.ts'
import { json, jsonBody, problems } from './responses.ts'

export const fleetSchema = z
  .object({ id: z.string(), description: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: 'Fleet' })

const shared = { ...administered, tags: ['Fleets'] }
const params = z.object({ fleet: fleetIdSchema })

export const listFleetsRoute = createRoute({
  ...shared,
  method: 'get',
  path: '/v1/fleets',
  operationId: 'listFleets',
  summary: 'The fleets that were made',
  request: { query: pageQuerySchema },
  responses: { 200: json('A page', pageSchema(fleetSchema)), ...problems(400, 401, 403) },
})

export const readFleetRoute = createRoute({
  ...shared,
  method: 'get',
  path: '/v1/fleets/{fleet}',
  operationId: 'getFleet',
  summary: 'A fleet',
  request: { params },
  responses: { 200: json('The fleet', fleetSchema), ...problems(400, 401, 403, 404) },
})

export const putFleetRoute = createRoute({
  ...shared,
  method: 'put',
  path: '/v1/fleets/{fleet}',
  operationId: 'putFleet',
  summary: 'Make a fleet, or describe it anew',
  description: 'Devices can be registered in it from then on. The default one is always there.',
  request: { params, body: jsonBody(requestObject({ description: z.string().max(1000).default('') })) },
  responses: {
    200: json('It was there', fleetSchema),
    201: json('It was made', fleetSchema),
    ...problems(400, 401, 403, 413, 415),
  },
})
