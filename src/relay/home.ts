// Homes: who is the authority for a root, and how a region becomes it.
import { z } from 'zod'
import { base64Schema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'

export const homeSchema = z.object({ region: regionSchema, epoch: epochSchema })
export type HomeAnswer = z.infer<typeof homeSchema>

/** Edge to core, `POST …/resolve`: the home of a root, which the asking region becomes if there is none. */
export const resolveRequestSchema = z.object({ fleet: fleetSchema, root: rootSchema, region: regionSchema })
export type ResolveRequest = z.infer<typeof resolveRequestSchema>
export const resolveResponseSchema = z.object({ home: homeSchema })
export type ResolveResponse = z.infer<typeof resolveResponseSchema>

export const subscriptionSchema = z.object({
  filter: z.string().min(1),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  noLocal: z.boolean(),
  retainAsPublished: z.boolean(),
  retainHandling: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  identifier: z.int().min(0),
})

export const sessionStateSchema = z.object({
  id: z.string(),
  expirySeconds: z.int().min(0),
  /** Milliseconds since the epoch. */
  disconnectedAt: z.number(),
  subscriptions: z.array(subscriptionSchema),
  lastPosition: z.int(),
  sentUpTo: z.int(),
  /** QoS 2: positions whose PUBCOMP is to come, and packet ids of the client whose PUBREL is to come. */
  released: z.array(z.int().min(1)),
  received: z.array(z.int().min(1).max(65_535)),
  /** Names of QoS 2 deliveries that it has taken, the last ones. */
  seen: z.array(z.string().min(1)),
  queue: z.array(z.object({ position: z.int(), delivery: base64Schema })),
})
export type SessionState = z.infer<typeof sessionStateSchema>

export const retainedSchema = z.object({ topic: z.string(), record: base64Schema })

/** What a region that is not the home wants of a root. */
export const regionInterestSchema = z.object({
  region: regionSchema,
  /** It has subscribers, and is sent every message. */
  plain: z.boolean(),
  /** `$share/group/filter`: it has members of these. */
  shares: z.array(z.string().min(1)),
})
export type RegionInterest = z.infer<typeof regionInterestSchema>

/** What the old home gives to the new one. */
export const handoverStateSchema = z.object({
  session: sessionStateSchema.nullable(),
  retained: z.array(retainedSchema),
  interests: z.array(regionInterestSchema),
  /** Of a client: presence events that may not have arrived everywhere, in order. */
  presence: z.array(base64Schema),
})
export type HandoverState = z.infer<typeof handoverStateSchema>

/** Edge to core, `POST …/claim`: a client came up in this region; make it the home. */
export const claimRequestSchema = z.object({ fleet: fleetSchema, root: rootSchema, region: regionSchema })
export type ClaimRequest = z.infer<typeof claimRequestSchema>
export const claimResponseSchema = z.object({
  home: homeSchema,
  /** What is to be imported before the new home serves; null where there was no other home. */
  state: handoverStateSchema.nullable(),
})
export type ClaimResponse = z.infer<typeof claimResponseSchema>

/** Edge to core, `POST …/imported`, and core to the old home, `POST …/<region>/release`: it is safe here now. */
const positionSchema = z.int().min(0)

export const importedRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
  epoch: epochSchema,
  /** Late deliveries up to this position of the old home's queue are safe at the new one; 0 for none. */
  tookUpTo: positionSchema,
})
export type ImportedRequest = z.infer<typeof importedRequestSchema>
export const importedResponseSchema = z.object({
  /**
   * What still came for the session at the old home after its state was given: a batch of deliveries. With none left
   * (empty), the old home has let go; else it is to be asked again.
   */
  late: base64Schema,
  /** The position of the last of them. */
  upTo: positionSchema,
})
export type ImportedResponse = z.infer<typeof importedResponseSchema>
export const releaseRequestSchema = importedRequestSchema.omit({ region: true })
export type ReleaseRequest = z.infer<typeof releaseRequestSchema>

/** Core to the old home, `POST …/<region>/handover`. */
export const handoverRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  /** The new home's. */
  epoch: epochSchema,
  to: regionSchema,
})
export type HandoverRequest = z.infer<typeof handoverRequestSchema>

/** Edge to core, `POST …/confirm`: is this still the home's epoch? */
export const confirmRequestSchema = importedRequestSchema.omit({ tookUpTo: true })
export type ConfirmRequest = z.infer<typeof confirmRequestSchema>
export const confirmResponseSchema = z.object({ current: z.boolean() })
export type ConfirmResponse = z.infer<typeof confirmResponseSchema>
