// Shadows between edge and core: a row of JSON for each, and the requests by which a former home's unsynced changes are replayed.
import { z } from 'zod'
import { movedSchema } from './home-answer.ts'
import { epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'

/** `shadow`, or `shadow/name/<name>`. */
export const shadowPathSchema = z.string().regex(/^shadow(\/name\/[$:\w-]{1,64})?$/)

const lateRequestsSchema = z.array(
  z.object({ verb: z.enum(['update', 'delete']), /** JSON. */ body: z.string() }),
)

export const shadowRowSchema = z.object({
  path: shadowPathSchema,
  shadow: z.string(),
  /** The last requests of this shadow that the store may lack. */
  requests: lateRequestsSchema.optional(),
})
export type ShadowRow = z.infer<typeof shadowRowSchema>

export const lateShadowSchema = z.object({ path: shadowPathSchema, requests: lateRequestsSchema })
export type LateShadow = z.infer<typeof lateShadowSchema>

/** A request to a shadow by HTTP. */
export const shadowAskedSchema = z.object({
  /** Identifies the request: the home recognises a repetition while it is in memory. */
  id: z.string().min(1).max(64),
  path: shadowPathSchema,
  verb: z.enum(['get', 'update', 'delete']),
  /** JSON, or empty. */
  body: z.string(),
})
export type ShadowAsked = z.infer<typeof shadowAskedSchema>

/** Edge to core, `POST …/shadow`: the shadow's home is in another region. */
export const shadowRequestSchema = shadowAskedSchema.extend({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
})
export type ShadowRequest = z.infer<typeof shadowRequestSchema>

/** Core to the home, `POST …/<region>/shadow`. */
export const homeShadowRequestSchema = shadowRequestSchema
  .omit({ region: true })
  .extend({ epoch: epochSchema })
export type HomeShadowRequest = z.infer<typeof homeShadowRequestSchema>

const doneSchema = z.object({
  status: z.literal('done'),
  /** JSON: the payload of the MQTT answer `accepted` or `rejected`. */
  body: z.string(),
  error: z.object({ code: z.int(), message: z.string(), field: z.string().nullable() }).nullable(),
  /** The shadow's version now; null if there is no shadow. */
  version: z.int().nullable(),
  changedAt: z.number().nullable(),
})

export const homeShadowResponseSchema = z.discriminatedUnion('status', [doneSchema, movedSchema])
export type HomeShadowResponse = z.infer<typeof homeShadowResponseSchema>

export const shadowResponseSchema = z.discriminatedUnion('status', [
  doneSchema,
  /** The home's region does not answer. `shadow`: its last sync, JSON; null if there is none. */
  z.object({ status: z.literal('synced'), region: regionSchema, shadow: z.string().nullable() }),
  z.object({ status: z.literal('unreachable'), region: regionSchema }),
  /** The device has no home: it never connected. A request creates no home. */
  z.object({ status: z.literal('unknown') }),
])
export type ShadowResponse = z.infer<typeof shadowResponseSchema>
