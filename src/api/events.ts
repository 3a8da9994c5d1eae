// Server-sent events: the messages that match some filters, from now on.
import { createRoute, z } from '@hono/zod-openapi'
import { encodedFilter } from './encoded-filter.ts'
import { filterSchema, messageSchema } from './message.ts'
import { SECURITY } from './public-api.ts'
import { problems } from './responses.ts'

export const EVENTS_PATH = '/v1/events'
const FILTERS_MAX = 20

export const eventSchema = messageSchema.omit({ qos: true }).meta({ id: 'Event' })

export const eventsRoute = createRoute({
  method: 'get',
  path: EVENTS_PATH,
  tags: ['Messages'],
  security: SECURITY,
  operationId: 'watch',
  summary: 'Watch what is published, as server-sent events',
  description: `The answer begins when the subscriptions stand: nothing that is published after that is missed, in whatever region. Each message is an event whose \`data\` is an \`Event\` as JSON, in the order that any subscriber sees; retained messages come first, with \`retain\` true.

Messages come at most once (QoS 0), and no publisher waits for a stream: what a reader is too slow for is left out, and an event \`dropped\` says how many that were. A stream that is opened again begins anew: to \`Last-Event-ID\` the first event is \`gap\`, since what was published meanwhile is not repeated. It ends with the token, or with its connection, with an event \`end\`. A comment comes every 20 seconds.`,
  request: {
    query: z.object({
      filter: z
        .preprocess(
          (value) => (typeof value === 'string' ? [value] : value),
          z.array(filterSchema).min(1).max(FILTERS_MAX),
        )
        .meta({
          description: `1 to ${FILTERS_MAX} topic filters: \`?filter=a/b&filter=rooms/%2B/light\`; \`+\` is written as \`%2B\`, \`#\` as \`%23\``,
        }),
      retained: z
        .enum(['true', 'false'])
        .default('true')
        .meta({ description: 'Whether retained messages are sent first' }),
      token: z
        .string()
        .optional()
        .meta({ description: 'In place of `Authorization`, which a browser’s EventSource cannot send' }),
    }),
    headers: z.object({ 'Last-Event-ID': z.string().max(200).optional() }),
  },
  middleware: encodedFilter('filter'),
  responses: {
    200: {
      description: 'A stream of events',
      content: { 'text/event-stream': { schema: z.string() } },
    },
    ...problems(400, 401, 429, 503),
  },
})
