// Homes: who is the authority for a root, and how a region becomes it.
import { z } from 'zod'
import { commandRowSchema } from './command.ts'
import { homeSchema, knownSchema } from './home-answer.ts'
import { bytesSchema, clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'
import { lateShadowSchema, shadowPathSchema, shadowRowSchema } from './shadow.ts'

/** Edge to core, `POST …/resolve`: the home of a root, which the asking region becomes if there is none. */
export const resolveRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
  known: knownSchema,
})
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
  queue: z.array(z.object({ position: z.int(), delivery: bytesSchema })),
})
export type SessionState = z.infer<typeof sessionStateSchema>

export const retainedSchema = z.object({ topic: z.string(), record: bytesSchema })

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
  clock: clockSchema,
  session: sessionStateSchema.nullable(),
  /** Of a state from the store: of which epoch's home it has the session, or that there is none; 0 where none has said. */
  sessionEpoch: z.int().min(0).optional(),
  retained: z.array(retainedSchema),
  interests: z.array(regionInterestSchema),
  shadows: z.array(shadowRowSchema),
  /** When the last message was kept; absent where none was. The next home goes on from there. */
  keptAt: z.number().optional(),
  /** Of a client: presence events that may not have arrived everywhere, in order. */
  presence: z.array(bytesSchema),
  /** Of a device: the commands that it is called with, and those that were; absent where the state is from the store. */
  commands: z.array(commandRowSchema).optional(),
})
export type HandoverState = z.infer<typeof handoverStateSchema>

/** A root of which the home has nothing. */
export const NO_STATE: HandoverState = {
  clock: 0,
  session: null,
  retained: [],
  interests: [],
  shadows: [],
  presence: [],
}

/** Edge to core, `POST …/claim`: a client came up in this region; make it the home. */
export const claimRequestSchema = resolveRequestSchema
export type ClaimRequest = z.infer<typeof claimRequestSchema>
export const claimResponseSchema = z.object({
  home: homeSchema,
  /** What is to be imported before the new home serves; null where there was no other home. */
  state: handoverStateSchema.nullable(),
  /** The old home was not reached, and the state is what it had last synced to the store. */
  synced: z.boolean(),
})
export type ClaimResponse = z.infer<typeof claimResponseSchema>

const positionSchema = z.int().min(0)

/** Core to an old home, `POST …/<region>/release`: what it gave is safe at the new one, which asks for what it has yet. */
export const releaseRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  /** The new home. */
  to: regionSchema,
  epoch: epochSchema,
  /** The new home began with the store's state: whatever the store was not confirmed to have is late. */
  synced: z.boolean(),
  /** The session's subscriptions are all registered there: until then the old home keeps its own, and does not let go. */
  registered: z.boolean(),
  /** Late deliveries up to this position of the old home's queue are safe at the new one; 0 for none. */
  tookUpTo: positionSchema,
  /** So are the late retained messages up to this topic, in the order of topics; empty for none. */
  tookTopic: z.string(),
  /** And the late changes of shadows up to this path. */
  tookShadow: shadowPathSchema.or(z.literal('')),
  /** And the late subscriptions up to this filter, in the order of filters. */
  tookFilter: z.string(),
})
export type ReleaseRequest = z.infer<typeof releaseRequestSchema>
export type Took = Pick<ReleaseRequest, 'tookUpTo' | 'tookTopic' | 'tookShadow' | 'tookFilter'>
export const TOOK_NOTHING: Took = { tookUpTo: 0, tookTopic: '', tookShadow: '', tookFilter: '' }
export const releaseResponseSchema = z.object({
  /** The old home has let go: nothing is late any more. Else it is to be asked again. */
  done: z.boolean(),
  /** Whose deliveries or subscriptions are late; empty where there are none. */
  session: z.string(),
  /** A batch of deliveries. */
  late: bytesSchema,
  /** The position of the last of them. */
  upTo: positionSchema,
  clock: clockSchema,
  /** Retained messages, in the order of topics; a null is one that was removed. Each with the epoch in which that was. */
  retained: z.array(z.object({ topic: z.string(), record: bytesSchema.nullable(), epoch: epochSchema })),
  /** Changes of shadows, in the order of their paths. */
  shadows: z.array(lateShadowSchema),
  /** Subscriptions, in the order of filters, all of them; a null is one that was ended. */
  subscriptions: z.array(
    z.object({ filter: z.string().min(1), subscription: subscriptionSchema.nullable() }),
  ),
})
export type ReleaseResponse = z.infer<typeof releaseResponseSchema>
/** With no times in it, by no clock. */
export const NOTHING_LATE: ReleaseResponse = {
  done: true,
  session: '',
  late: new Uint8Array(0),
  upTo: 0,
  clock: 0,
  retained: [],
  shadows: [],
  subscriptions: [],
}

/** Edge to core, `POST …/imported`: it is safe here now; is anything late at the old homes? */
export const importedRequestSchema = releaseRequestSchema.omit({ to: true }).extend({
  region: regionSchema,
  /** Whose late deliveries and retained messages were taken; null for none. */
  from: regionSchema.nullable(),
})
export type ImportedRequest = z.infer<typeof importedRequestSchema>
export const importedResponseSchema = releaseResponseSchema.extend({
  /** Null where there is no old home any more. */
  from: regionSchema.nullable(),
})
export type ImportedResponse = z.infer<typeof importedResponseSchema>
export const LATE_NOWHERE: ImportedResponse = { ...NOTHING_LATE, from: null }

/** Core to the region that the directory takes for the home, `POST …/<region>/home-known`: what its leaf knows of that. */
export const homeKnownRequestSchema = z.object({ fleet: fleetSchema, root: rootSchema })
export type HomeKnownRequest = z.infer<typeof homeKnownRequestSchema>
export const homeKnownResponseSchema = z.object({
  /** Null where it knows of none: it never began. */
  home: homeSchema.nullable(),
  /** This is the home, and has all that former ones had. */
  imported: z.boolean(),
})
export type HomeKnown = z.infer<typeof homeKnownResponseSchema>

/** Core to the old home, `POST …/<region>/handover`. */
export const handoverRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  /** The new home's. */
  epoch: epochSchema,
  to: regionSchema,
})
export type HandoverRequest = z.infer<typeof handoverRequestSchema>
export const handoverResponseSchema = z.object({
  /** Null where the region never began as the home before: what the store has is all there is. */
  state: handoverStateSchema.nullable(),
})
export type HandoverResponse = z.infer<typeof handoverResponseSchema>
