// Presence: the events of a client's connections, which its home publishes, and the call by which a region asks for the last one.
import { z } from 'zod'
import { movedSchema } from './home-answer.ts'
import { epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'

/** The payload of a message on `presence/<client>`. */
export const presenceEventSchema = z.object({
  client: z.string().min(1),
  state: z.enum(['connected', 'disconnected']),
  /** The home's epoch. */
  epoch: epochSchema,
  /** One more than in the event before, also across regions. */
  sequence: z.int().min(1),
  region: regionSchema,
  at: z.iso.datetime(),
  /** The MQTT reason code of a connection's end; absent after a broken link. */
  reason: z.int().min(0).max(255).optional(),
  cleanStart: z.boolean().optional(),
  protocol: z.enum(['3.1.1', '5.0']).optional(),
})
export type PresenceEvent = z.infer<typeof presenceEventSchema>

/** Edge to core, `POST …/presence`: the last event of the root's client. Makes no region the home. */
export const presenceRequestSchema = z.object({ fleet: fleetSchema, root: rootSchema, region: regionSchema })
export type PresenceRequest = z.infer<typeof presenceRequestSchema>

export const presenceResponseSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('done'), event: presenceEventSchema.nullable() }),
  z.object({ status: z.literal('unreachable'), region: regionSchema }),
])
export type PresenceResponse = z.infer<typeof presenceResponseSchema>

/** Core to the home's edge, `POST …/<region>/presence`. */
export const homePresenceRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  epoch: epochSchema,
})
export type HomePresenceRequest = z.infer<typeof homePresenceRequestSchema>

export const homePresenceResponseSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('done'), event: presenceEventSchema.nullable() }),
  movedSchema,
])
export type HomePresenceResponse = z.infer<typeof homePresenceResponseSchema>
