// What a region's actors know of one receiver and one topic, for `explain`: facts only. What they mean is decided in one
// place (src/explain). Ages instead of times, since clocks differ.
import { z } from 'zod'
import { type ClientId, parseClientId } from '../id/ids.ts'
import { homeSchema } from './home-answer.ts'
import { epochSchema, fleetSchema, regionSchema } from './names.ts'
import { presenceEventSchema } from './presence.ts'

const clientSchema = z
  .string()
  .refine((text) => parseClientId(text) !== null, 'not a client id')
  .transform((text) => text as ClientId)
const ageSchema = z.number().min(0)
const countSchema = z.int().min(0)
const qosSchema = z.union([z.literal(0), z.literal(1), z.literal(2)])

/** Of which client, which topic, and perhaps whose message, or which one. */
const askedSchema = z.object({
  device: clientSchema,
  topic: z.string().min(1).max(65_535),
  publisher: clientSchema.nullable(),
  /** The message's user property `trace`. */
  trace: z.string().min(1).max(128).nullable(),
})
export type ExplainAsked = z.infer<typeof askedSchema>

/** What became of a message at its receiver. `open`: sent, or in turn to be, and not acknowledged yet. */
const fateSchema = z.enum([
  'open',
  'acknowledged',
  /** On the connection, of which no acknowledgement is kept: QoS 0, or a session that ends with its connection. */
  'sent',
  'stored',
  'queue-full',
  /** QoS 0, and the client was away. */
  'away',
  'expired',
  'too-large',
  /** Of a shared subscription, whose other members get it. */
  'passed-on',
])
export type Fate = z.infer<typeof fateSchema>

const passed = {
  ageMs: ageSchema,
  qos: qosSchema,
  trace: z.string().nullable(),
}

const lostSchema = z.object({
  why: z.enum(['expired', 'too-large', 'session-ended', 'session-expired', 'discarded']),
  messages: countSchema,
  ageMs: ageSchema,
})
export type Lost = z.infer<typeof lostSchema>

const homeKnowledgeSchema = z.object({
  at: z.enum(['unknown', 'here', 'elsewhere']),
  region: regionSchema.nullable(),
  epoch: epochSchema,
})

/** What the receiver's actor says. */
const receiverSchema = z.object({
  /** How far its memory reaches back. */
  memoryMs: ageSchema,
  home: homeKnowledgeSchema,
  /** It began without its former home, of which something may come yet. */
  mayHearLate: z.boolean(),
  presence: presenceEventSchema.nullable(),
  /** How long ago a connection here was closed, since a newer one had come. */
  takenOverMs: ageSchema.nullable(),
  session: z
    .object({
      connected: z.boolean(),
      disconnectedMs: ageSchema.nullable(),
      expirySeconds: countSchema,
      subscriptions: countSchema,
      /** Those that match the topic. */
      matching: z.array(
        z.object({
          filter: z.string(),
          qos: qosSchema,
          noLocal: z.boolean(),
          /** False where its leaf is known not to have it. */
          registered: z.boolean(),
          /** Since its SUBSCRIBE, where that is remembered. */
          ageMs: ageSchema.nullable(),
        }),
      ),
      queue: z.object({
        messages: countSchema,
        bytes: countSchema,
        full: z.boolean(),
        /** Of this topic, among the first that wait. */
        ofTopic: countSchema,
        /** Of those, how many have expired. */
        expired: countSchema,
      }),
      /** Of the live connection: how many more it may be sent before it acknowledges. */
      window: z.object({ size: countSchema, free: countSchema, inFlight: countSchema }).nullable(),
      maximumPacketSize: countSchema.nullable(),
    })
    .nullable(),
  /** Oldest first. */
  received: z.array(z.object({ ...passed, fate: fateSchema })),
  lost: z.array(lostSchema),
})
export type ReceiverFacts = z.infer<typeof receiverSchema>

/** What the publisher's actor says. */
const publisherSchema = z.object({
  memoryMs: ageSchema,
  home: homeKnowledgeSchema,
  connected: z.boolean(),
  presence: presenceEventSchema.nullable(),
  /** Oldest first. @param reason null while it is under way */
  published: z.array(z.object({ ...passed, reason: z.int().min(0).max(255).nullable() })),
})
export type PublisherFacts = z.infer<typeof publisherSchema>

/** What the leaf of the topic's root says. */
const leafSchema = z.object({
  memoryMs: ageSchema,
  home: homeKnowledgeSchema,
  /** It is becoming the home. */
  moving: z.boolean(),
  mayHearLate: z.boolean(),
  /** The receiver's filters here that match. */
  subscribed: z.array(z.string()),
  /** Of the home: regions that are sent what it accepts. */
  interested: z.array(regionSchema),
  retained: z.boolean(),
  /** The receiver's actor did not answer: its deliveries wait here. */
  backlogged: z.boolean(),
  /** Who was last given a message of the receiver's shared subscriptions that match. */
  shares: z.array(z.object({ share: z.string(), members: countSchema, last: z.string().nullable() })),
  /** What it accepted as the home, or had from it; oldest first. */
  passed: z.array(
    z.object({
      ...passed,
      publisher: z.string(),
      retain: z.boolean(),
      toReceiver: z.boolean(),
      toRegions: z.array(regionSchema),
    }),
  ),
})
export type LeafFacts = z.infer<typeof leafSchema>

/** What waits in the uplink of the topic's root. */
const uplinkSchema = z.object({
  lanes: z.array(
    z.object({
      kind: z.enum(['home', 'region', 'wide']),
      /** Where it goes; null for a home that nobody knows. */
      region: regionSchema.nullable(),
      messages: countSchema,
      stored: countSchema,
      /** Of this topic, among the first that wait. */
      ofTopic: countSchema,
      oldestMs: ageSchema,
      /** No room for more. */
      full: z.boolean(),
      /** Since when the destination does not answer, and what was last heard. */
      failingMs: ageSchema.nullable(),
      problem: z.string().nullable(),
    }),
  ),
  outboxMessages: countSchema,
})
export type UplinkFacts = z.infer<typeof uplinkSchema>

/** What the WideActor of the topic's root says. */
const wideSchema = z.object({
  /** The receiver's filters that match. @param settled no publish passes it over */
  filters: z.array(z.object({ filter: z.string(), settled: z.boolean() })),
  /** It knows the other regions' filters. */
  synced: z.boolean(),
  /** Regions that have a filter which matches. */
  wanting: z.array(regionSchema),
  shares: z.array(z.object({ share: z.string(), members: countSchema, last: z.string().nullable() })),
})
export type WideFacts = z.infer<typeof wideSchema>

/** What one actor said, or why it said nothing. */
const said = <S extends z.ZodType>(facts: S) =>
  z.object({ tookMs: ageSchema, facts: facts.nullable(), problem: z.string().nullable() })
export interface Said<Facts> {
  readonly tookMs: number
  /** Null where it said nothing. */
  readonly facts: Facts | null
  readonly problem: string | null
}

/** Core to each edge, `POST …/<region>/explain`. Makes no region the home of anything. */
export const regionExplainRequestSchema = askedSchema.extend({ fleet: fleetSchema })
export type RegionExplainRequest = z.infer<typeof regionExplainRequestSchema>

export const regionFactsSchema = z.object({
  receiver: said(receiverSchema),
  leaf: said(leafSchema),
  uplink: said(uplinkSchema),
  wide: said(wideSchema),
  /** Null where no publisher was named. */
  publisher: said(publisherSchema).nullable(),
})
export type RegionFacts = z.infer<typeof regionFactsSchema>

/** Edge to core, `POST …/explain`. */
export const explainRequestSchema = regionExplainRequestSchema.extend({ region: regionSchema })
export type ExplainRequest = z.infer<typeof explainRequestSchema>

export const explainResponseSchema = z.object({
  /** As the directory says; null where the store did not answer in time. */
  homes: z.object({ receiver: homeSchema.nullable(), topic: homeSchema.nullable() }).nullable(),
  tookMs: ageSchema,
  /** All regions but the one that asks. */
  regions: z.array(
    z.object({
      region: regionSchema,
      tookMs: ageSchema,
      facts: regionFactsSchema.nullable(),
      problem: z.string().nullable(),
    }),
  ),
})
export type ExplainResponse = z.infer<typeof explainResponseSchema>
