// Publishing by HTTP: one message, or a list of them in order.
import { createRoute, z } from '@hono/zod-openapi'
import { Reason } from '../mqtt/reason.ts'
import { type ProblemResponse, problemResponse } from '../relay/problem.ts'
import { idempotencyHeadersSchema } from './idempotency.ts'
import { publishSchema } from './message.ts'
import { SECURITY } from './public-api.ts'
import { requestObject } from './request-object.ts'
import { json, jsonBody, problems } from './responses.ts'

export const PUBLISH_BATCH_MAX = 256

export const publishedSchema = z
  .object({
    reasonCode: z.int().min(0).max(255).meta({ description: 'As PUBACK of MQTT 5.0 has it', example: 0 }),
    reason: z.string().meta({ example: 'Success' }),
  })
  .meta({
    id: 'Published',
    description: 'Success (0x00), or No matching subscribers (0x10); in a batch also what refused it',
  })

export const publishBatchSchema = requestObject({
  messages: z.array(publishSchema).min(1).max(PUBLISH_BATCH_MAX),
}).meta({ id: 'PublishBatch' })

const shared = { method: 'post' as const, tags: ['Messages'], security: SECURITY }

export const publishRoute = createRoute({
  ...shared,
  path: '/v1/publish',
  operationId: 'publish',
  summary: 'Publish a message',
  description:
    'As the client that the token names. Answered like a QoS 1 publish of MQTT: when each receiver has acknowledged the message, or when it is stored durably for those that have not.',
  request: { headers: idempotencyHeadersSchema, body: jsonBody(publishSchema) },
  responses: {
    200: json('It is with its receivers, or durable for them', publishedSchema),
    ...problems(400, 401, 403, 413, 415, 422, 429, 503),
  },
})

export const publishBatchRoute = createRoute({
  ...shared,
  path: '/v1/publish/batch',
  operationId: 'publishBatch',
  summary: 'Publish several messages',
  description: `1 to ${PUBLISH_BATCH_MAX} messages, in order. Each has an answer of its own at its place in the list: a reason code of 128 or more says that it was refused.`,
  request: { headers: idempotencyHeadersSchema, body: jsonBody(publishBatchSchema) },
  responses: {
    200: json('What became of each', z.object({ results: z.array(publishedSchema) })),
    ...problems(400, 401, 413, 415, 422, 503),
  },
})

const NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(Reason).map(([name, code]) => [
    code,
    // NoMatchingSubscribers: No matching subscribers
    name
      .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
      .toLowerCase()
      .replace(/^./, (first) => first.toUpperCase()),
  ]),
)

export function published(reasonCode: number): z.infer<typeof publishedSchema> {
  return { reasonCode, reason: NAMES[reasonCode] ?? 'Unspecified error' }
}

/** The problem for a refused publish. */
export function refusedPublish(reasonCode: number): ProblemResponse<400 | 403 | 413 | 429 | 503> {
  const detail = `MQTT reason 0x${reasonCode.toString(16).padStart(2, '0')}: ${published(reasonCode).reason}`
  switch (reasonCode) {
    case Reason.NotAuthorized:
      return problemResponse('reserved-topic', 'This topic is not for clients to publish to', {
        field: 'topic',
        detail,
      })
    case Reason.TopicNameInvalid:
      return problemResponse('invalid-request', 'The first two levels of the topic are too long', {
        field: 'topic',
        detail,
      })
    case Reason.PacketTooLarge:
      return problemResponse('too-large', 'The message is too large', { detail })
    case Reason.QuotaExceeded:
      return problemResponse('no-room', 'A receiver, or what waits for one, has no room for it now', {
        detail,
        headers: { 'retry-after': '5' },
      })
    default:
      return problemResponse(
        'publish-uncertain',
        'It is not known to be with its receivers, nor to be durable for them',
        {
          detail,
        },
      )
  }
}
