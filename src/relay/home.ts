// Homes: which region is the authority for a root, and how another region becomes it. What a former home still holds after its
// successor began is its remainder: deliveries, retained messages, shadow changes, subscriptions.
import { z } from 'zod'
import { commandRowSchema } from './command.ts'
import { homeSchema, knownSchema, movedSchema } from './home-answer.ts'
import { bytesSchema, clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'
import { pageSchema, pageWantedSchema } from './page.ts'
import { lateShadowSchema, shadowPathSchema, shadowRowSchema } from './shadow.ts'

/** Edge to core, `POST …/resolve`: the home of a root. If the root has none, the asking region becomes the home. */
export const resolveRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
  known: knownSchema,
  /** False: a root without a home stays so. */
  begin: z.boolean().optional(),
})
export type ResolveRequest = z.infer<typeof resolveRequestSchema>
export const resolveResponseSchema = z.object({
  /** Null if there is none and none was to be made. */
  home: homeSchema.nullable(),
})
export type ResolveResponse = z.infer<typeof resolveResponseSchema>

export const subscriptionSchema = z.object({
  filter: z.string().min(1),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  noLocal: z.boolean(),
  retainAsPublished: z.boolean(),
  retainHandling: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  identifier: z.int().min(0),
  /** From where on the client still is to get retained messages. Absent: it got all. */
  retainedAfter: z.string().optional(),
})

export const sessionStateSchema = z.object({
  id: z.string(),
  expirySeconds: z.int().min(0),
  /** Milliseconds since the epoch. */
  disconnectedAt: z.number(),
  subscriptions: z.array(subscriptionSchema),
  lastPosition: z.int(),
  sentUpTo: z.int(),
  /** QoS 2 to the client: positions that wait for PUBCOMP. */
  released: z.array(z.int().min(1)),
  /** QoS 2 from the client: packet ids that wait for PUBREL. */
  received: z.array(z.int().min(1).max(65_535)),
  /** Names of the last QoS 2 deliveries that the session accepted. */
  seen: z.array(z.string().min(1)),
  queue: z.array(z.object({ position: z.int(), delivery: bytesSchema })),
})
export type SessionState = z.infer<typeof sessionStateSchema>

export const retainedSchema = z.object({ topic: z.string(), record: bytesSchema })

/** The interest of a region that is not the home. */
export const regionInterestSchema = z.object({
  region: regionSchema,
  /** The region has subscribers, and gets every message. */
  plain: z.boolean(),
  /** `$share/group/filter`: shared subscriptions with members in the region. */
  shares: z.array(z.string().min(1)),
})
export type RegionInterest = z.infer<typeof regionInterestSchema>

/** Of a page: rows that earlier pages had and that are gone since. */
export const goneSchema = z.object({
  /** All rows of these kinds. */
  kinds: z.array(z.enum(['subscription', 'queue', 'retained'])),
  subscriptions: z.array(z.string().min(1)),
  queue: z.array(z.int()),
  retained: z.array(z.string()),
})
export type GoneRows = z.infer<typeof goneSchema>

/** The state that the old home hands over to the new one: all of it, or a page. */
export const handoverStateSchema = z.object({
  clock: clockSchema,
  session: sessionStateSchema.nullable(),
  /** Of a state from the store: the epoch of the home that last wrote the session, or that there is none; 0: no home did. */
  sessionEpoch: z.int().min(0).optional(),
  retained: z.array(retainedSchema),
  interests: z.array(regionInterestSchema),
  shadows: z.array(shadowRowSchema),
  /** The time of the last message in the history; absent if there is none. Times of the next home never go below it. */
  keptAt: z.number().optional(),
  /** Presence events of a client that may not have arrived everywhere, in order. */
  presence: z.array(bytesSchema),
  /** Open and answered commands of a device; absent in a state from the store. */
  commands: z.array(commandRowSchema).optional(),
  gone: goneSchema.optional(),
})
export type HandoverState = z.infer<typeof handoverStateSchema>

/** The state of a root without content. */
export const NO_STATE: HandoverState = {
  clock: 0,
  session: null,
  retained: [],
  interests: [],
  shadows: [],
  presence: [],
}

/** Edge to core, `POST …/claim`: a client connected in this region; make the region its home. */
export const claimRequestSchema = resolveRequestSchema.extend({
  /** The client begins a new session: its former one ends now. */
  cleanStart: z.boolean().optional(),
  /** Absent from an edge that takes the whole state only. */
  pages: pageWantedSchema.optional(),
})
export type ClaimRequest = z.infer<typeof claimRequestSchema>
export const claimResponseSchema = z.object({
  /** Another region while its state is copied from there: nothing is claimed yet, and that region serves. */
  home: homeSchema,
  /** The state to import before the new home serves; null if there was no other home. */
  state: handoverStateSchema.nullable(),
  /** Absent: the state is whole. */
  page: pageSchema.optional(),
  /** True: the old home was silent, and the state is its last sync in the store. */
  synced: z.boolean(),
})
export type ClaimResponse = z.infer<typeof claimResponseSchema>

const positionSchema = z.int().min(0)

/** Core to an old home, `POST …/<region>/release`: the new home has stored the state and the remainder so far; is there more? */
export const releaseRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  /** The new home. */
  to: regionSchema,
  epoch: epochSchema,
  /** True: the new home began with the state in the store. The remainder is then all that the old home has not synced. */
  synced: z.boolean(),
  /** True: the new home has registered all of the session's subscriptions. The old home ends its own only then. */
  registered: z.boolean(),
  /** The new home has stored the remainder's deliveries up to this position of the old home's queue; 0 for none. */
  tookUpTo: positionSchema,
  /** The new home has stored its retained messages up to this topic, in the order of topics; empty for none. */
  tookTopic: z.string(),
  /** The new home has stored its shadow changes up to this path; empty for none. */
  tookShadow: shadowPathSchema.or(z.literal('')),
  /** The new home has stored its subscriptions up to this filter, in the order of filters; empty for none. */
  tookFilter: z.string(),
})
export type ReleaseRequest = z.infer<typeof releaseRequestSchema>
/** How far the new home has stored an old home's remainder. */
export type RemainderPlace = Pick<ReleaseRequest, 'tookUpTo' | 'tookTopic' | 'tookShadow' | 'tookFilter'>
export const REMAINDER_START: RemainderPlace = { tookUpTo: 0, tookTopic: '', tookShadow: '', tookFilter: '' }
export const releaseResponseSchema = z.object({
  /** True: the old home has released the root, and its remainder is empty. False: ask again. */
  done: z.boolean(),
  /** The session of the deliveries and subscriptions; empty if there are none. */
  session: z.string(),
  /** The remainder's deliveries, a batch. */
  late: bytesSchema,
  /** The position of the last delivery. */
  upTo: positionSchema,
  clock: clockSchema,
  /** Retained messages, in the order of topics, each with the epoch of its last change. A null record: removed. */
  retained: z.array(z.object({ topic: z.string(), record: bytesSchema.nullable(), epoch: epochSchema })),
  /** Shadow changes, in the order of paths. */
  shadows: z.array(lateShadowSchema),
  /** All changed subscriptions, in the order of filters. A null: ended. */
  subscriptions: z.array(
    z.object({ filter: z.string().min(1), subscription: subscriptionSchema.nullable() }),
  ),
})
export type ReleaseResponse = z.infer<typeof releaseResponseSchema>
/** An old home has released the root. `clock` is 0, since there are no times in it. */
export const RELEASED: ReleaseResponse = {
  done: true,
  session: '',
  late: new Uint8Array(0),
  upTo: 0,
  clock: 0,
  retained: [],
  shadows: [],
  subscriptions: [],
}

/** Edge to core, `POST …/imported`: the new home has stored the state; do the old homes have a remainder? */
export const importedRequestSchema = releaseRequestSchema.omit({ to: true }).extend({
  region: regionSchema,
  /** The old home whose remainder was stored; null for none. */
  from: regionSchema.nullable(),
})
export type ImportedRequest = z.infer<typeof importedRequestSchema>
export const importedResponseSchema = releaseResponseSchema.extend({
  /** The old home whose remainder this is; null if all old homes have released the root. */
  from: regionSchema.nullable(),
})
export type ImportedResponse = z.infer<typeof importedResponseSchema>
export const ALL_IMPORTED: ImportedResponse = { ...RELEASED, from: null }

/** Core to the home of the directory, `POST …/<region>/home-known`: the newest home that the leaf there knows. */
export const homeKnownRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  /** The region that is about to claim the home has copied its state up to this cursor. */
  copied: pageWantedSchema.shape.cursor.optional(),
})
export type HomeKnownRequest = z.infer<typeof homeKnownRequestSchema>
export const homeKnownResponseSchema = z.object({
  /** Null if the leaf never had a home. */
  home: homeSchema.nullable(),
  /** True: the leaf is the home, and has imported everything from former homes. */
  imported: z.boolean(),
  /** What the home has is more than a page, and was not copied before: that comes before the claim. */
  pages: z.boolean().optional(),
})
export type HomeKnown = z.infer<typeof homeKnownResponseSchema>

/** Core to the old home, `POST …/<region>/handover`. */
export const handoverRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  /** The new home's. */
  epoch: epochSchema,
  to: regionSchema,
  /** The client begins a new session there: the former one ends now. */
  cleanStart: z.boolean().optional(),
  /** Where the new home stands in the pages. Absent: it takes the whole state only. */
  cursor: pageWantedSchema.shape.cursor.optional(),
})
export type HandoverRequest = z.infer<typeof handoverRequestSchema>
export const handoverResponseSchema = z.object({
  /** Null if the region never began as the home: then the store has the newest state. */
  state: handoverStateSchema.nullable(),
  /** Absent: the state is whole. */
  page: pageSchema.optional(),
})
export type HandoverResponse = z.infer<typeof handoverResponseSchema>

/** Core to the home, `POST …/<region>/copy`: a page of its state for a region that is about to claim it. The home goes on serving. */
export const copyRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  /** The home's. */
  epoch: epochSchema,
  to: regionSchema,
  cursor: pageWantedSchema.shape.cursor,
})
export type CopyRequest = z.infer<typeof copyRequestSchema>
export const copyResponseSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('done'), state: handoverStateSchema, page: pageSchema }),
  movedSchema,
])
export type CopyResponse = z.infer<typeof copyResponseSchema>
