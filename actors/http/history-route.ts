// `/v1/devices/<id>/history` and `/v1/history`: stored messages, read from the core's store.
import {
  deviceFilter,
  deviceHistoryRoute,
  type HistoryAsked,
  historyAnswer,
  historyAsked,
  historyRoute,
} from '../../src/api/history.ts'
import { askCore } from './ask-home.ts'
import { type ApiContext, edgeRoutes } from './edge.ts'

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
  const title = 'The core cannot be reached, which has the history'
  const read = await askCore(c, title, (core, region) => core.history({ ...asked, region }))
  return read instanceof Response ? read : historyAnswer(asked, read, c.env.edge.history)
}
