// What an administrator asks of a client's session: the call by which a region asks the session's home.
import { z } from 'zod'
import { movedSchema } from './home-answer.ts'
import { epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'

/** `purge`: empties the queue. `end`: ends the session, and its connection. `kick`: ends the connection; the session stays. */
export const sessionVerbSchema = z.enum(['show', 'purge', 'end', 'kick'])
export type SessionVerb = z.infer<typeof sessionVerbSchema>

export const sessionFactsSchema = z.object({
  client: z.string().min(1),
  /** The region of its home. */
  region: regionSchema,
  connected: z.boolean(),
  /** How long it outlives its connection, seconds. */
  expirySeconds: z.int().min(0),
  /** When it expires, if its client does not return; null while that is connected. */
  expiresAt: z.iso.datetime().nullable(),
  subscriptions: z.array(z.object({ filter: z.string(), qos: z.int().min(0).max(2) })),
  queue: z.object({
    /** Messages that are stored for the client, those in flight included. */
    messages: z.int().min(0),
    bytes: z.int().min(0),
    inFlight: z.int().min(0),
    /** Messages that the queue has dropped: it was full, or an administrator has emptied it. */
    dropped: z.int().min(0),
  }),
})
export type SessionFacts = z.infer<typeof sessionFactsSchema>

const answered = z.object({
  status: z.literal('done'),
  /** As it was found; null: the client has no session. */
  session: sessionFactsSchema.nullable(),
  /** Messages that `purge` dropped. */
  purged: z.int().min(0),
})

/** Edge to core, `POST …/session`. Asking makes no region the home. */
export const sessionRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
  verb: sessionVerbSchema,
})
export type SessionRequest = z.infer<typeof sessionRequestSchema>

export const sessionResponseSchema = z.discriminatedUnion('status', [
  answered,
  z.object({ status: z.literal('unreachable'), region: regionSchema }),
])
export type SessionResponse = z.infer<typeof sessionResponseSchema>

/** Core to the home's edge, `POST …/<region>/session`. */
export const homeSessionRequestSchema = sessionRequestSchema
  .omit({ region: true })
  .extend({ epoch: epochSchema })
export type HomeSessionRequest = z.infer<typeof homeSessionRequestSchema>

export const homeSessionResponseSchema = z.discriminatedUnion('status', [answered, movedSchema])
export type HomeSessionResponse = z.infer<typeof homeSessionResponseSchema>
