// Retained messages in the public API.
import { createRoute, z } from '@hono/zod-openapi'
import { encodedFilter } from './encoded-filter.ts'
import { filterSchema, messageSchema, topicSchema, URL_TOPIC_CHARACTERS_MAX } from './message.ts'
import { pageQuerySchema, pageSchema } from './paging.ts'
import { SECURITY } from './public-api.ts'
import { json, problems } from './responses.ts'

const shared = { tags: ['Messages'], security: SECURITY }
const params = z.object({
  topic: topicSchema
    .max(URL_TOPIC_CHARACTERS_MAX)
    .meta({ description: 'Its slashes as %2F', example: 'rooms/42/light' }),
})

export const listRetainedRoute = createRoute({
  ...shared,
  method: 'get',
  path: '/v1/retained',
  operationId: 'listRetained',
  summary: 'Retained messages that match a filter',
  description:
    'Page by page, those with their home in the region that is asked first. A list is no moment in time: what is retained or removed meanwhile may be in it or not.',
  request: { query: pageQuerySchema.extend({ filter: filterSchema.default('#') }) },
  middleware: encodedFilter('filter'),
  responses: {
    200: json('A page', pageSchema(messageSchema)),
    ...problems(400, 401, 503),
  },
})

export const readRetainedRoute = createRoute({
  ...shared,
  method: 'get',
  path: '/v1/retained/{topic}',
  operationId: 'getRetained',
  summary: 'The retained message of a topic',
  request: { params },
  responses: {
    200: json('The message', messageSchema),
    ...problems(400, 401, 404, 503),
  },
})

export const deleteRetainedRoute = createRoute({
  ...shared,
  method: 'delete',
  path: '/v1/retained/{topic}',
  operationId: 'deleteRetained',
  summary: 'Remove the retained message of a topic',
  description: 'Publishes an empty retained message, as MQTT does it. It is no fault if there is none.',
  request: { params },
  responses: {
    204: { description: 'There is none any more' },
    ...problems(400, 401, 403, 429, 503),
  },
})
