// Facts that a region's actors have about one receiver and one topic, for `explain`. Only src/explain judges them. Ages instead
// of times, since clocks differ.
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

/** The question: a receiver and a topic, and optionally a publisher or one message. */
const askedSchema = z.object({
  device: clientSchema,
  topic: z.string().min(1).max(65_535),
  publisher: clientSchema.nullable(),
  /** The message's user property `trace`. */
  trace: z.string().min(1).max(128).nullable(),
})
export type ExplainAsked = z.infer<typeof askedSchema>

/** The fate of a message at its receiver. `open`: sent or about to be sent, and not acknowledged. */
const fateSchema = z.enum([
  'open',
  'acknowledged',
  /** Sent without a record of its acknowledgement: QoS 0, or a session that ends with its connection. */
  'sent',
  'stored',
  'queue-full',
  /** QoS 0, and the client was away. */
  'away',
  'expired',
  'too-large',
  /** Passed to another member of the shared subscription. */
  'passed-on',
])
export type Fate = z.infer<typeof fateSchema>

const passed = {
  ageMs: ageSchema,
  qos: qosSchema,
  trace: z.string().nullable(),
}

const lostSchema = z.object({
  why: z.enum(['expired', 'too-large', 'queue-full', 'session-ended', 'session-expired', 'discarded']),
  messages: countSchema,
  ageMs: ageSchema,
})
export type Lost = z.infer<typeof lostSchema>

const homeKnowledgeSchema = z.object({
  at: z.enum(['unknown', 'here', 'elsewhere']),
  region: regionSchema.nullable(),
  epoch: epochSchema,
})

/** The facts of the receiver's actor. */
const receiverSchema = z.object({
  /** How far back the actor remembers. */
  memoryMs: ageSchema,
  home: homeKnowledgeSchema,
  /** The home began without its former home's remainder, which may still arrive. */
  mayHearLate: z.boolean(),
  presence: presenceEventSchema.nullable(),
  /** Time since a takeover closed a connection here. */
  takenOverMs: ageSchema.nullable(),
  session: z
    .object({
      connected: z.boolean(),
      disconnectedMs: ageSchema.nullable(),
      expirySeconds: countSchema,
      subscriptions: countSchema,
      /** Subscriptions that match the topic. */
      matching: z.array(
        z.object({
          filter: z.string(),
          qos: qosSchema,
          noLocal: z.boolean(),
          /** False if the leaf is known to lack the subscription. */
          registered: z.boolean(),
          /** Time since its SUBSCRIBE; null if the actor does not remember it. */
          ageMs: ageSchema.nullable(),
        }),
      ),
      queue: z.object({
        messages: countSchema,
        bytes: countSchema,
        full: z.boolean(),
        /** Messages of this topic, among the first in the queue. */
        ofTopic: countSchema,
        /** How many of `ofTopic` have expired. */
        expired: countSchema,
      }),
      /** The inflight window of the live connection. `free`: further messages that may be sent without an acknowledgement. */
      window: z.object({ size: countSchema, free: countSchema, inFlight: countSchema }).nullable(),
      maximumPacketSize: countSchema.nullable(),
    })
    .nullable(),
  /** Oldest first. */
  received: z.array(z.object({ ...passed, fate: fateSchema })),
  lost: z.array(lostSchema),
})
export type ReceiverFacts = z.infer<typeof receiverSchema>

/** The facts of the publisher's actor. */
const publisherSchema = z.object({
  memoryMs: ageSchema,
  home: homeKnowledgeSchema,
  connected: z.boolean(),
  presence: presenceEventSchema.nullable(),
  /** Oldest first. @param reason null while the publish is under way */
  published: z.array(z.object({ ...passed, reason: z.int().min(0).max(255).nullable() })),
})
export type PublisherFacts = z.infer<typeof publisherSchema>

/** The facts of the leaf of the topic's root. */
const leafSchema = z.object({
  memoryMs: ageSchema,
  home: homeKnowledgeSchema,
  /** The leaf is becoming the home. */
  moving: z.boolean(),
  mayHearLate: z.boolean(),
  /** The receiver's filters here that match. */
  subscribed: z.array(z.string()),
  /** Regions to which the home sends its messages. */
  interested: z.array(regionSchema),
  retained: z.boolean(),
  /** The receiver's actor did not answer: its deliveries wait here. */
  backlogged: z.boolean(),
  /** The receiver's shared subscriptions that match. `last`: the member that got the last message. */
  shares: z.array(z.object({ share: z.string(), members: countSchema, last: z.string().nullable() })),
  /** Messages that the leaf accepted as the home, or got from the home; oldest first. */
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

/** The facts of the uplink of the topic's root: its waiting messages. */
const uplinkSchema = z.object({
  lanes: z.array(
    z.object({
      kind: z.enum(['home', 'region', 'wide']),
      /** The destination; null for a home that the uplink does not know. */
      region: regionSchema.nullable(),
      messages: countSchema,
      stored: countSchema,
      /** Messages of this topic, among the first that wait. */
      ofTopic: countSchema,
      oldestMs: ageSchema,
      /** The lane has no room for another message. */
      full: z.boolean(),
      /** Time since the destination stopped answering, and the last error. */
      failingMs: ageSchema.nullable(),
      problem: z.string().nullable(),
    }),
  ),
  outboxMessages: countSchema,
})
export type UplinkFacts = z.infer<typeof uplinkSchema>

/** The facts of the WideActor of the topic's root. */
const wideSchema = z.object({
  /** The receiver's filters that match. @param settled every publish that matches reaches the filter */
  filters: z.array(z.object({ filter: z.string(), settled: z.boolean() })),
  /** The WideActor knows the other regions' filters. */
  synced: z.boolean(),
  /** Regions that have a filter which matches. */
  wanting: z.array(regionSchema),
  shares: z.array(z.object({ share: z.string(), members: countSchema, last: z.string().nullable() })),
})
export type WideFacts = z.infer<typeof wideSchema>

/** One actor's facts, or the reason why they are missing. */
const said = <S extends z.ZodType>(facts: S) =>
  z.object({ tookMs: ageSchema, facts: facts.nullable(), problem: z.string().nullable() })
export interface Said<Facts> {
  readonly tookMs: number
  /** Null if the actor did not answer. */
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
  /** Null if the question names no publisher. */
  publisher: said(publisherSchema).nullable(),
})
export type RegionFacts = z.infer<typeof regionFactsSchema>

/** Edge to core, `POST …/explain`. */
export const explainRequestSchema = regionExplainRequestSchema.extend({ region: regionSchema })
export type ExplainRequest = z.infer<typeof explainRequestSchema>

export const explainResponseSchema = z.object({
  /** The homes in the directory; null if the store did not answer in time. */
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
