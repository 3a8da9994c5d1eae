// Envelopes: messages of one root on their way to its home, or from its home to a region that wants them.
import { z } from 'zod'
import { movedSchema } from './home-answer.ts'
import { bytesSchema, clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'
import type { Pieces } from './pieces.ts'

/** Messages of one root, in order. Only one envelope of a root and destination is under way at a time. */
export const envelopeSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  to: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('home') }),
    /** From the home. The region refuses the envelope if it knows a higher epoch. */
    z.object({ kind: z.literal('region'), region: regionSchema, epoch: epochSchema }),
    /** From the home's region to the wide subscribers of another region. */
    z.object({ kind: z.literal('wide'), region: regionSchema }),
  ]),
  /**
   * Unique for one run of an uplink and a kind of destination. With root and `first` it lets the receiver recognise a repeated
   * envelope, even if sender or receiver lost its memory in between.
   */
  source: z.string().min(1).max(64),
  /** The number of the first record; the others count up from it. Numbers of a source and root never go back. */
  first: z.int().min(0),
  clock: clockSchema,
  /** `packBatch` of routed records. */
  records: bytesSchema,
})
export type Envelope = z.infer<typeof envelopeSchema>
/** An envelope at its sender: the batch is copied once, into the body of the call. */
export type OutgoingEnvelope = Omit<Envelope, 'records'> & { readonly records: Uint8Array | Pieces }

export const envelopeResultSchema = z.discriminatedUnion('status', [
  /** An outcome for each record, in order (src/mqtt/outcome.ts). */
  z.object({ status: z.literal('done'), outcomes: z.array(z.int().min(0).max(255)) }),
  movedSchema,
  /** Not delivered. The sender retries. */
  z.object({ status: z.literal('unreachable'), detail: z.string() }),
])
export type EnvelopeResult = z.infer<typeof envelopeResultSchema>

export const ENVELOPES_PER_CALL_MAX = 256

/** Edge to core: `POST …/envelopes`. Core to edge: `POST …/<region>/envelopes`. */
export const envelopesRequestSchema = z.object({
  /** The sender's region. */
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
        /** The home's epoch in the core's directory; 0 for an envelope that is not for the home. */
        epoch: epochSchema,
      }),
    )
    .min(1)
    .max(ENVELOPES_PER_CALL_MAX),
})
export type DeliverRequest = z.infer<typeof deliverRequestSchema>

/** One result for each envelope, in order. */
export const envelopesResponseSchema = z.object({ results: z.array(envelopeResultSchema) })
export type EnvelopesResponse = z.infer<typeof envelopesResponseSchema>
