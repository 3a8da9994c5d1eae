// Lists come in pages: an opaque cursor, and a limit.
import { z } from 'zod'

export const PAGE_LIMIT_DEFAULT = 100
export const PAGE_LIMIT_MAX = 1000
const CURSOR_CHARACTERS_MAX = 4096

/** The query of a list. `cursor` is the `next` of the page before. */
export const pageQuerySchema = z.object({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(PAGE_LIMIT_MAX)
    .default(PAGE_LIMIT_DEFAULT)
    .meta({ type: 'integer', description: 'At most so many; a page may be shorter and yet not the last' }),
  cursor: z
    .string()
    .regex(/^[\w-]*$/, 'not a cursor')
    .max(CURSOR_CHARACTERS_MAX)
    .optional()
    .meta({ description: '`next` of the page before; absent for the first' }),
})

/** A page of a list. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().meta({ description: 'The cursor of the next page; null after the last' }),
  })
}

/** A position in a list as text that fits a URL. */
export function encodeCursor(position: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(position))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** Null for text that `encodeCursor` has not made of a position of this schema. */
export function decodeCursor<Position extends z.ZodType>(
  cursor: string,
  schema: Position,
): z.infer<Position> | null {
  try {
    const text = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0))
    const parsed = schema.safeParse(
      JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)),
    )
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}
