// Why a client did or did not get a message, in the public API.
import { createRoute, z } from '@hono/zod-openapi'
import { CAUSES, VERDICTS } from '../explain/explanation.ts'
import { isTopicName } from '../mqtt/topic.ts'
import { problemResponse } from '../relay/problem.ts'
import { URL_TOPIC_CHARACTERS_MAX } from './message.ts'
import { clientIdSchema } from './names.ts'
import { type ApiVariables, SECURITY } from './public-api.ts'
import { json, problems } from './responses.ts'

const TRACE_CHARACTERS_MAX = 128

const query = z.object({
  device: clientIdSchema.meta({ description: 'The client that should get the message, by its client id' }),
  topic: z.string().min(1).max(URL_TOPIC_CHARACTERS_MAX).refine(isTopicName, 'not a topic name').meta({
    description: 'What it was published to: a topic name without wildcards',
    example: 'devices/lamp/cmd',
  }),
  publisher: clientIdSchema.optional().meta({ description: 'Only messages of this client' }),
  trace: z
    .string()
    .min(1)
    .max(TRACE_CHARACTERS_MAX)
    .optional()
    .meta({ description: 'Only the message that was published with this user property `trace`' }),
})

export const explanationSchema = z
  .object({
    device: z.string(),
    topic: z.string(),
    publisher: z.string().nullable(),
    trace: z.string().nullable(),
    verdict: z.enum(VERDICTS),
    cause: z.enum(CAUSES).meta({ description: 'A code that stays' }),
    sentence: z.string().meta({ description: 'The cause, for people' }),
    message: z
      .object({ publisher: z.string().nullable(), qos: z.int(), at: z.iso.datetime() })
      .nullable()
      .meta({ description: 'The newest message on the topic that is remembered, which the answer is about' }),
    tookMs: z.int(),
    steps: z.array(
      z.object({
        region: z.string().nullable().meta({ description: 'Null for the core itself', example: 'eu' }),
        part: z.enum(['core', 'region', 'receiver', 'publisher', 'topic', 'uplink', 'wide']),
        said: z.string(),
        tookMs: z.int(),
        problem: z.string().nullable().meta({ description: 'Why it said nothing' }),
      }),
    ),
  })
  .meta({ id: 'Explanation', description: 'Whether a client got a message, why, and who said what' })
export type Explanation = z.infer<typeof explanationSchema>

export const explainRoute = createRoute({
  method: 'get',
  path: '/v1/explain',
  operationId: 'explain',
  tags: ['Explain'],
  security: SECURITY,
  summary: 'Why a client did or did not get a message',
  description:
    'Any region may be asked, and answers within a second; a region that does not answer is named. For the client itself and for its fleet’s administrators. Asking makes no region the home.',
  request: { query },
  responses: {
    200: json('The verdict, the cause and the steps', explanationSchema),
    ...problems(400, 401, 403),
  },
})

/** The refusal if the token does not allow the question; else null. */
export function explainRefused({ claims }: ApiVariables, device: string) {
  if (device === claims.client || claims.admin) return null
  return problemResponse('other-client', "The token is neither the device's nor an administrator's", {
    field: 'device',
  })
}
