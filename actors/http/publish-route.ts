// `POST /v1/publish` and `/v1/publish/batch`.
import { messageOf } from '../../src/api/message.ts'
import { publishBatchRoute, published, publishRoute, refusedPublish } from '../../src/api/publish.ts'
import { isFailure, Reason } from '../../src/mqtt/reason.ts'
import { edgeRoutes } from './edge.ts'
import { keyOf, publishAs } from './publish-as.ts'

export const publishRoutes = edgeRoutes()

publishRoutes.openapi(publishRoute, async (c) => {
  const message = messageOf(c.req.valid('json'), Date.now())
  const outcomes = await publishAs(c, [message], await keyOf(c, c.req.valid('header')['Idempotency-Key']))
  if (outcomes instanceof Response) return outcomes
  const reason = outcomes[0] ?? Reason.UnspecifiedError
  return isFailure(reason) ? refusedPublish(reason) : c.json(published(reason), 200)
})

publishRoutes.openapi(publishBatchRoute, async (c) => {
  const now = Date.now()
  const messages = c.req.valid('json').messages.map((one) => messageOf(one, now))
  const outcomes = await publishAs(c, messages, await keyOf(c, c.req.valid('header')['Idempotency-Key']))
  if (outcomes instanceof Response) return outcomes
  return c.json({ results: outcomes.map(published) }, 200)
})
