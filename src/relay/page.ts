// Pages: what may grow past one call travels in several, each of which says where the next one begins.
import { z } from 'zod'

/** A cursor means something only to the side that made it; a topic may be in it. Empty: before the first page. */
const cursorSchema = z.string().max(500_000)

/** What whoever takes pages has so far. */
export const pageWantedSchema = z.object({
  cursor: cursorSchema,
  /** It has everything that is copied before the claim. */
  copied: z.boolean(),
})
export type PageWanted = z.infer<typeof pageWantedSchema>
export const NO_PAGE: PageWanted = { cursor: '', copied: false }

export const pageSchema = z.object({
  /** What the receiver has of earlier pages is void. */
  first: z.boolean(),
  /** Where the next page begins; null after the last one. */
  next: cursorSchema.nullable(),
  /** The copy is complete: the home is to be claimed, and the pages after that are few. */
  copied: z.boolean(),
})
export type Page = z.infer<typeof pageSchema>
