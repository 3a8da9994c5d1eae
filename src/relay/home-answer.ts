// Where a root's home is, as core and edges tell one another.
import { z } from 'zod'
import { epochSchema, regionSchema } from './names.ts'

export const homeSchema = z.object({ region: regionSchema, epoch: epochSchema })
export type HomeAnswer = z.infer<typeof homeSchema>
/** Of a root whose home has never moved. */
export const FIRST_EPOCH = 1

/** The answer of a leaf that is not the home (any more): with the home that it knows of, where the directory may not. */
export const movedSchema = z.object({ status: z.literal('moved'), home: homeSchema.optional() })
export type Moved = z.infer<typeof movedSchema>

/** With a request for where the home is: the newest that is known where it comes from. The directory may have gone back. */
export const knownSchema = homeSchema.optional()
