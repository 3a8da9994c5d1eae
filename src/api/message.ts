// An application message in the public API: the form that callers publish and the form that they read.
import { z } from 'zod'
import type { Message } from '../mqtt/message.ts'
import { type Description, describe, described } from '../mqtt/message-description.ts'
import type { QoS } from '../mqtt/packet.ts'
import { isTopicFilter, isTopicName } from '../mqtt/topic.ts'
import { base64ToBytes, bytesToBase64 } from '../relay/base64.ts'
import { onePayload, payloadBytes, payloadFields } from './payload.ts'
import { requestObject } from './request-object.ts'

const WIRE_BYTES_MAX = 65_535
const UINT32_MAX = 0xffff_ffff

/** A string that MQTT accepts. */
const textSchema = z
  .string()
  .max(WIRE_BYTES_MAX)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: MQTT refuses them
  .regex(/^[^\u0000]*$/, 'it may not hold U+0000')
  .refine((text) => text.isWellFormed(), 'not well-formed Unicode')
  .refine(
    (text) => new TextEncoder().encode(text).length <= WIRE_BYTES_MAX,
    `at most ${WIRE_BYTES_MAX} bytes`,
  )

/** A character can take nine bytes in a URL, and servers bound the length of URLs. */
export const URL_TOPIC_CHARACTERS_MAX = 700

export const topicSchema = z
  .string()
  .min(1)
  .max(WIRE_BYTES_MAX)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: MQTT refuses them
  .regex(/^[^+#\u0000]+$/, 'a topic name holds no + # or U+0000')
  .refine(isTopicName, 'not a topic name: at most 65,535 bytes and 64 levels')
  .meta({ description: 'A topic name', example: 'rooms/42/light' })

export const filterSchema = z
  .string()
  .min(1)
  .max(WIRE_BYTES_MAX)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: MQTT refuses them
  .regex(/^[^\u0000]+$/, 'not a topic filter')
  .refine(isTopicFilter, 'not a topic filter')
  .refine((filter) => !filter.startsWith('$share/'), 'not for shared subscriptions')
  .meta({ description: 'A topic filter with its wildcards', example: 'rooms/+/light' })

const qosSchema = z.union([z.literal(0), z.literal(1), z.literal(2)])
const userPropertiesSchema = z
  // No tuple: the OpenAPI library writes tuples in the form of an older JSON Schema draft.
  .array(z.array(textSchema).length(2))
  .max(100)
  .meta({ description: 'Pairs of name and value, in order; a name may come again' })

export const publishSchema = requestObject({
  topic: topicSchema,
  ...payloadFields,
  qos: qosSchema.default(1),
  retain: z.boolean().default(false),
  expirySeconds: z
    .int()
    .min(1)
    .max(UINT32_MAX)
    .optional()
    .meta({ description: 'Who has not got it by then does not get it' }),
  contentType: textSchema.optional(),
  responseTopic: topicSchema.optional(),
  correlationData: z
    .base64()
    .max(4 * Math.ceil(WIRE_BYTES_MAX / 3))
    .optional(),
  userProperties: userPropertiesSchema.optional(),
})
  .superRefine(onePayload(['text', 'base64', 'json']))
  .meta({
    id: 'Publish',
    description: 'A message to publish. Its payload is one of text, base64 and json; empty without any.',
  })
export type Publish = z.infer<typeof publishSchema>

/** @param now of the server's clock, ms */
export function messageOf(publish: Publish, now: number): Message {
  const { topic, qos, retain, text, json, expirySeconds, contentType } = publish
  const isText = text !== undefined || json !== undefined
  const type = contentType ?? (json === undefined ? undefined : 'application/json')
  const said: Description = {
    ...(isText && { text: true }),
    ...(type !== undefined && { contentType: type }),
    ...(publish.responseTopic !== undefined && { responseTopic: publish.responseTopic }),
    ...(publish.correlationData !== undefined && { correlation: base64ToBytes(publish.correlationData) }),
    ...(publish.userProperties !== undefined && {
      userProperties: publish.userProperties.map(([name = '', value = '']): [string, string] => [
        name,
        value,
      ]),
    }),
  }
  return {
    topic,
    qos: qos as QoS,
    retain,
    properties: describe(said),
    payload: payloadBytes(publish),
    expiresAt: expirySeconds === undefined ? 0 : now + expirySeconds * 1000,
  }
}

export const messageSchema = z
  .object({
    topic: z.string(),
    text: z.string().optional().meta({ description: 'The payload, if it is UTF-8' }),
    base64: z.string().optional().meta({ description: 'The payload, if it is not' }),
    qos: qosSchema,
    retain: z.boolean(),
    expiresAt: z.iso.datetime().optional(),
    contentType: z.string().optional(),
    responseTopic: z.string().optional(),
    correlationData: z.string().optional().meta({ description: 'base64' }),
    userProperties: z.array(z.array(z.string()).length(2)).optional(),
  })
  .meta({ id: 'Message' })
export type MessageJson = z.infer<typeof messageSchema>

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function messageJson(message: Message): MessageJson {
  const { topic, qos, retain, properties, payload, expiresAt } = message
  const { contentType, responseTopic, correlation, userProperties } = described(properties)
  return {
    topic,
    ...payloadJson(payload),
    qos,
    retain,
    ...(expiresAt > 0 && { expiresAt: new Date(expiresAt).toISOString() }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlation !== undefined && { correlationData: bytesToBase64(correlation) }),
    ...(userProperties !== undefined && {
      userProperties: userProperties.map(([name, value]) => [name, value]),
    }),
  }
}

function payloadJson(payload: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: decoder.decode(payload) }
  } catch {
    return { base64: bytesToBase64(payload) }
  }
}
