// `/v1/retained`: the retained messages of this region's homes, and through the core those of the other regions.
import { z } from 'zod'
import { messageJson } from '../../src/api/message.ts'
import { decodeCursor, encodeCursor, JsonPage } from '../../src/api/paging.ts'
import { refusedPublish } from '../../src/api/publish.ts'
import { onTrust } from '../../src/api/responses.ts'
import { deleteRetainedRoute, listRetainedRoute, readRetainedRoute } from '../../src/api/retained.ts'
import { WIDE_SHARDS, wideAddress, wideShard } from '../../src/id/actor-name.ts'
import { rootOfTopic } from '../../src/id/root.ts'
import { canonicalTopic } from '../../src/id/shadow-topic.ts'
import { decodeMessage, type Message } from '../../src/mqtt/message.ts'
import { isFailure, Reason } from '../../src/mqtt/reason.ts'
import { rootOfSubscription } from '../../src/mqtt/topic.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { type ProblemResponse, problemResponse } from '../../src/relay/problem.ts'
import { RETAINED_PAGES_PER_ANSWER_MAX } from '../limits.ts'
import type { RetainedPage, WidePeer } from '../wide/wide-peer.ts'
import { type ApiContext, edgeRoutes, regionOf } from './edge.ts'
import { publishAs } from './publish-as.ts'

export const retainedRoutes = edgeRoutes()

/** A cursor: the shard, this region or the others, the page, and the last topic of that page that the reader has. */
const positionSchema = z.object({
  shard: z.int().min(0),
  where: z.enum(['here', 'elsewhere']),
  after: z.object({ root: z.string(), topic: z.string(), region: z.string().optional() }).nullable(),
  past: z.string().nullable(),
})
type Position = z.infer<typeof positionSchema>

retainedRoutes.openapi(listRetainedRoute, async (c) => {
  const { filter, limit, cursor } = c.req.valid('query')
  const shards = shardsOf(filter)
  const first = shards[0] ?? 0
  const begin: Position = { shard: first, where: 'here', after: null, past: null }
  let position: Position | null = cursor === undefined ? begin : decodeCursor(cursor, positionSchema)
  if (position === null || !shards.includes(position.shard))
    return problemResponse('invalid-cursor', 'Not a cursor of this list', { field: 'cursor' })
  const answer = new JsonPage(limit)
  // A filter that matches little must not make one request ask every leaf: then the answer is short, or empty, and goes on.
  for (let asked = 0; position !== null && !answer.isFull && asked < RETAINED_PAGES_PER_ANSWER_MAX; asked++) {
    const page = await pageAt(c, filter, position)
    if (page instanceof Response) return page
    const from: Position = position
    const found = behind(unpackBatch(page.records).map(decodeMessage), from.past)
    const rest = found.findIndex((message) => !answer.add(messageJson(message)))
    position =
      rest < 0 ? following(from, page.next, shards) : { ...from, past: found[rest - 1]?.topic ?? from.past }
  }
  return onTrust(answer.response(position === null ? null : encodeCursor(position)))
})

retainedRoutes.openapi(readRetainedRoute, async (c) => {
  const topic = canonicalTopic(c.req.valid('param').topic)
  const shard = wideShard(rootOfTopic(topic))
  for (const where of ['here', 'elsewhere'] as const) {
    let position: Position | null = { shard, where, after: null, past: null }
    // Each other region answers with a page of its own.
    while (position !== null && position.where === where) {
      const page = await pageAt(c, topic, position)
      if (page instanceof Response) return page
      const [record] = unpackBatch(page.records)
      if (record !== undefined) return c.json(messageJson(decodeMessage(record)), 200)
      position = following(position, page.next, [shard])
    }
  }
  return problemResponse('no-retained-message', 'No message is retained on this topic', { field: 'topic' })
})

retainedRoutes.openapi(deleteRetainedRoute, async (c) => {
  const bytes = new Uint8Array(0)
  const { topic } = c.req.valid('param')
  const message: Message = { topic, qos: 1, retain: true, properties: bytes, payload: bytes, expiresAt: 0 }
  const outcomes = await publishAs(c, [message], null)
  if (outcomes instanceof Response) return outcomes
  const reason = outcomes[0] ?? Reason.UnspecifiedError
  return isFailure(reason) ? refusedPublish(reason) : c.body(null, 204)
})

function shardsOf(filter: string): number[] {
  const root = rootOfSubscription(filter)
  return root === null ? Array.from({ length: WIDE_SHARDS }, (_, shard) => shard) : [wideShard(root)]
}

/** Never rejects: if a region is not reached, the answer is a problem. */
async function pageAt(
  c: ApiContext,
  filter: string,
  { shard, where, after }: Position,
): Promise<RetainedPage<NonNullable<Position['after']>> | ProblemResponse<503>> {
  const region = regionOf(c)
  const address = wideAddress(region, c.var.claims.fleet, shard)
  try {
    return await c.env.edge
      .actors()
      .call(
        address,
        (wide: WidePeer): Promise<RetainedPage<NonNullable<Position['after']>>> =>
          where === 'here'
            ? wide.retained([filter], after)
            : wide.retainedElsewhere([filter], after as Parameters<WidePeer['retainedElsewhere']>[1]),
      )
  } catch (cause) {
    c.env.edge.report('a page of retained messages was not to be had', { region, shard, where }, cause)
    return problemResponse(
      'region-unreachable',
      'Not every region that may have retained messages can be reached',
      {
        detail: `asked in ${region}`,
      },
    )
  }
}

/** The messages after the topic `past`. A page is sorted by topic, and the message at `past` may be deleted by now. */
function behind(messages: readonly Message[], past: string | null): readonly Message[] {
  if (past === null) return messages
  const at = messages.findIndex(({ topic }) => topic === past)
  return at >= 0 ? messages.slice(at + 1) : messages.filter(({ topic }) => topic > past)
}

function following(
  { shard, where }: Position,
  next: Position['after'],
  shards: readonly number[],
): Position | null {
  if (next !== null) return { shard, where, after: next, past: null }
  if (where === 'here') return { shard, where: 'elsewhere', after: null, past: null }
  const then = shards[shards.indexOf(shard) + 1]
  return then === undefined ? null : { shard: then, where: 'here', after: null, past: null }
}
