// The home of a root, as edges and core exchange it.
import { z } from 'zod'
import { epochSchema, regionSchema } from './names.ts'

export const homeSchema = z.object({ region: regionSchema, epoch: epochSchema })
export type HomeAnswer = z.infer<typeof homeSchema>
/** The epoch of a home that has never moved. */
export const FIRST_EPOCH = 1

/** The answer of a leaf that is not the home. It names the newest home that it knows, since the directory may have an older one. */
export const movedSchema = z.object({ status: z.literal('moved'), home: homeSchema.optional() })
export type Moved = z.infer<typeof movedSchema>

/** In requests: the newest home that the sender knows. A directory restored from a backup learns from it. */
export const knownSchema = homeSchema.optional()
