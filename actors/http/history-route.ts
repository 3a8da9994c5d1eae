// `/v1/devices/<id>/history` and `/v1/history`: what the core's store has of messages, asked through the region.
import {
  deviceFilter,
  deviceHistoryRoute,
  type HistoryAsked,
  historyAnswer,
  historyAsked,
  historyRoute,
} from '../../src/api/history.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import { CoreUnreachable } from '../core-client.ts'
import { coreClient } from '../workerd/core-fetch.ts'
import { regionOf } from '../workerd/region.ts'
import { type ApiContext, edgeRoutes } from './asking.ts'

export const historyRoutes = edgeRoutes()

historyRoutes.openapi(deviceHistoryRoute, (c) => {
  const query = c.req.valid('query')
  const filter = deviceFilter(c.req.valid('param').device, query.topic)
  const asked = historyAsked(c.var.claims.fleet, filter, query, Date.now())
  return asked instanceof Response ? asked : answer(c, asked)
})

historyRoutes.openapi(historyRoute, (c) => {
  const query = c.req.valid('query')
  const asked = historyAsked(c.var.claims.fleet, query.topic, query, Date.now())
  return asked instanceof Response ? asked : answer(c, asked)
})

async function answer(c: ApiContext, asked: HistoryAsked) {
  const region = regionOf(c.req.raw, c.env)
  try {
    return historyAnswer(c, asked, await coreClient(c.env, region).history({ ...asked, region }))
  } catch (cause) {
    if (!(cause instanceof CoreUnreachable)) throw cause
    return problemResponse(503, 'The core cannot be reached, which has what is kept', {
      detail: `asked in ${region}: ${cause.message}`,
    })
  }
}
