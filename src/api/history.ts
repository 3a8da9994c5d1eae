// The history of a device or of any other root, in the public API of edge and core.
import { createRoute, z } from '@hono/zod-openapi'
import type { ChosenTopics } from '../history/chosen.ts'
import { INSTANT, parseInstant } from '../history/duration.ts'
import type { ClientId, FleetId, Root } from '../id/ids.ts'
import { isRootTooLong, rootOfClient } from '../id/root.ts'
import { decodeMessage } from '../mqtt/message.ts'
import { isTopicFilter, rootOfSubscription } from '../mqtt/topic.ts'
import {
  type HistoryMessage,
  type HistoryPlace,
  type HistoryRequest,
  type HistoryResponse,
  historyPlaceSchema,
} from '../relay/history.ts'
import { type ProblemResponse, problemResponse } from '../relay/problem.ts'
import { encodedFilter } from './encoded-filter.ts'
import { messageJson, messageSchema } from './message.ts'
import { clientIdSchema } from './names.ts'
import { decodeCursor, encodeCursor, JsonPage, pageQuerySchema, pageSchema } from './paging.ts'
import { SECURITY } from './public-api.ts'
import { json, onTrust, problems } from './responses.ts'

const FILTER_CHARACTERS_MAX = 1_000
/** Homes' clocks may be ahead of this one. */
const AHEAD_MS = 600_000

const instantSchema = z
  .string()
  .max(40)
  .regex(INSTANT, 'an ISO 8601 time, milliseconds since 1970, or how long ago: 1h, PT1H')
  .meta({ example: '2026-07-01T12:00:00Z' })

const LEVEL = '(?:\\+|[^+#/\\u0000]*)'
const LITERAL = '[^+#/\\u0000]*'

const querySchema = pageQuerySchema.extend({
  from: instantSchema.optional().meta({
    description: 'Not before: an ISO 8601 time, milliseconds since 1970, or how long ago (1h, PT1H)',
  }),
  to: instantSchema.optional().meta({ description: 'Before, as `from`; now without it' }),
  order: z.enum(['newest', 'oldest']).default('newest').meta({ description: 'Which come first' }),
  fresh: z.enum(['true', 'false']).default('false').meta({
    description:
      'true: the home first syncs the messages that it has just stored; 503 where it does not answer. Else the last second may be missing',
  }),
})
type Query = z.infer<typeof querySchema>

export const keptMessageSchema = messageSchema
  .extend({
    at: z.iso.datetime().meta({ description: 'When the home accepted it, by its clock' }),
    epoch: z.int().meta({ description: 'How often the home had moved: with `number` the order of the root' }),
    number: z.int().meta({
      description:
        'Counts the home’s messages with history; a gap is a message that was not stored, for lack of room',
    }),
    publisher: z.string().nullable().meta({ description: 'The client; null: the server' }),
  })
  .meta({ id: 'KeptMessage' })
export const keptPageSchema = pageSchema(keptMessageSchema)

const shared = {
  method: 'get' as const,
  tags: ['History'],
  security: SECURITY,
  middleware: encodedFilter('topic'),
  responses: { 200: json('A page', keptPageSchema), ...problems(400, 401, 404, 503) },
}

export const deviceHistoryRoute = createRoute({
  ...shared,
  path: '/v1/devices/{device}/history',
  operationId: 'getDeviceHistory',
  summary: 'Kept messages of a device',
  description:
    'Messages below `devices/<id>/` whose topics the setting HISTORY chooses; 404 with the type `history-off` where it chooses none.',
  request: {
    params: z.object({ device: clientIdSchema }),
    query: querySchema.extend({
      topic: z
        .string()
        .max(FILTER_CHARACTERS_MAX)
        .regex(new RegExp(`^(?!\\$)(?:#|${LEVEL}(?:/${LEVEL})*(?:/#)?)$`), 'not a topic filter')
        .default('#')
        .meta({
          description: 'A filter below `devices/<id>/`, or a whole one; `presence/<id>` for its presence',
          example: 'telemetry/#',
        }),
    }),
  },
})

export const historyRoute = createRoute({
  ...shared,
  path: '/v1/history',
  operationId: 'getHistory',
  summary: 'Kept messages of topics that are no device’s',
  request: {
    query: querySchema.extend({
      topic: z
        .string()
        .min(1)
        .max(FILTER_CHARACTERS_MAX)
        .regex(
          new RegExp(`^(?!\\$)${LITERAL}(?:/${LITERAL}(?:(?:/${LEVEL})*(?:/#)?)?)?$`),
          'a topic filter whose first two levels have no wildcard',
        )
        .meta({
          description: 'A topic filter whose first two levels have no wildcard',
          example: 'rooms/42/#',
        }),
    }),
  },
})

/** A cursor: where the list continues, and the range of its first page. */
const positionSchema = z.object({
  after: historyPlaceSchema,
  seam: historyPlaceSchema.nullable(),
  from: z.int().min(0),
  to: z.int().min(0),
})

/** The contract's request without the region that asks. */
export type HistoryAsked = Omit<HistoryRequest, 'region'>

/** A filter below the device's root, or one that names it whole. */
export function deviceFilter(device: ClientId, topic: string): string {
  const root = rootOfClient(device)
  return isTopicFilter(topic) && rootOfSubscription(topic) === root ? topic : `${root}/${topic}`
}

/** @param now of the server's clock, ms */
export function historyAsked(
  fleet: FleetId,
  filter: string,
  query: Query,
  now: number,
): HistoryAsked | ProblemResponse<400> {
  const root: Root | null = isTopicFilter(filter) ? rootOfSubscription(filter) : null
  if (root === null || isRootTooLong(root)) {
    const detail = 'a topic filter whose first two levels have no wildcard, and at most 900 bytes'
    return problemResponse('invalid-request', 'Not a filter of one root', { field: 'topic', detail })
  }
  const { order, limit, cursor } = query
  const asked = { fleet, root, filter, order, limit }
  if (cursor === undefined) {
    const from = query.from === undefined ? 0 : parseInstant(query.from, now)
    const to = query.to === undefined ? now + AHEAD_MS : parseInstant(query.to, now)
    const seam = query.fresh === 'true' ? 'ask' : 'none'
    // The schema lets only times through that can be parsed.
    return { ...asked, from: from ?? 0, to: to ?? now, after: null, seam }
  }
  const position = decodeCursor(cursor, positionSchema)
  if (position === null)
    return problemResponse('invalid-cursor', 'Not a cursor of this list', { field: 'cursor' })
  const { after, seam, from, to } = position
  return { ...asked, from, to, after, seam: seam ?? 'none' }
}

/**
 * @param chosen the topics that are stored; null if this server does not know. Messages that were stored under an older setting
 * are still served.
 */
export function historyAnswer(
  { filter, from, to, after }: HistoryAsked,
  answer: HistoryResponse,
  chosen: ChosenTopics | null,
) {
  if (answer.status === 'unreachable')
    return problemResponse('region-unreachable', `The home does not answer: ${answer.region}`, {
      detail: answer.region,
    })
  const { messages, next, seam } = answer
  const none = messages.length === 0 && next === null && after === null
  if (none && chosen !== null && !chosen.mayKeep(filter))
    return problemResponse('history-off', chosen.any ? 'No such topic has history' : 'History is off', {
      field: 'topic',
      detail: `the setting HISTORY chooses no topic that matches ${filter}`,
    })
  const page = new JsonPage(messages.length)
  const rest = messages.findIndex((message) => !page.add(keptJson(message)))
  const place = rest < 0 ? next : placeOf(messages[rest - 1])
  const cursor = place === null ? null : encodeCursor({ after: place, seam, from, to })
  return onTrust(page.response(cursor))
}

function placeOf(message: HistoryMessage | undefined): HistoryPlace | null {
  if (message === undefined) return null
  const { at, epoch, number } = message
  return { at, epoch, number }
}

function keptJson({ at, epoch, number, publisher, record }: HistoryMessage) {
  const message = messageJson(decodeMessage(record))
  return {
    at: new Date(at).toISOString(),
    epoch,
    number,
    publisher: publisher === '' ? null : publisher,
    ...message,
  }
}
