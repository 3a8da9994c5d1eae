// Envelopes: messages of one root on their way to its home, or from its home to a region that wants them.
import { z } from 'zod'
import { movedSchema } from './home-answer.ts'
import { bytesSchema, clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'
import type { Pieces } from './pieces.ts'

/** Messages of one root in one order. Only one envelope of a root and destination is under way at a time. */
export const envelopeSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  to: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('home') }),
    /** From the home; refused there if the region knows a higher epoch. */
    z.object({ kind: z.literal('region'), region: regionSchema, epoch: epochSchema }),
    /** From the home's region to the wide subscribers of another. */
    z.object({ kind: z.literal('wide'), region: regionSchema }),
  ]),
  /**
   * Unique for a life of an uplink and the kind of destination, so that with root and `first` the receiver recognises what
   * was sent again, also after either of the two has lost its memory.
   */
  source: z.string().min(1).max(64),
  /** The number of the first record; the others count on from it. Each later record of the source and root has a higher one. */
  first: z.int().min(0),
  clock: clockSchema,
  /** `packBatch` of routed records. */
  records: bytesSchema,
})
export type Envelope = z.infer<typeof envelopeSchema>
/** As its sender has it: its batch is written into the body of the call, and nowhere before. */
export type OutgoingEnvelope = Omit<Envelope, 'records'> & { readonly records: Uint8Array | Pieces }

export const envelopeResultSchema = z.discriminatedUnion('status', [
  /** An outcome for each record, in order (src/mqtt/outcome.ts). */
  z.object({ status: z.literal('done'), outcomes: z.array(z.int().min(0).max(255)) }),
  movedSchema,
  /** Could not be passed on now; the sender keeps it. */
  z.object({ status: z.literal('unreachable'), detail: z.string() }),
])
export type EnvelopeResult = z.infer<typeof envelopeResultSchema>

export const ENVELOPES_PER_CALL_MAX = 256

/** Edge to core: `POST …/envelopes`. Core to edge: `POST …/<region>/envelopes`. */
export const envelopesRequestSchema = z.object({
  /** Where they come from. */
  region: regionSchema,
  envelopes: z.array(envelopeSchema).min(1).max(ENVELOPES_PER_CALL_MAX),
})
export type EnvelopesRequest = z.infer<typeof envelopesRequestSchema>
export type OutgoingEnvelopesRequest = Omit<EnvelopesRequest, 'envelopes'> & {
  readonly envelopes: readonly OutgoingEnvelope[]
}

export const deliverRequestSchema = z.object({
  envelopes: z
    .array(
      z.object({
        envelope: envelopeSchema,
        /** The epoch by which the core took this region for the home; 0 else. */ epoch: epochSchema,
      }),
    )
    .min(1)
    .max(ENVELOPES_PER_CALL_MAX),
})
export type DeliverRequest = z.infer<typeof deliverRequestSchema>

/** One result for each envelope, in order. */
export const envelopesResponseSchema = z.object({ results: z.array(envelopeResultSchema) })
export type EnvelopesResponse = z.infer<typeof envelopesResponseSchema>
