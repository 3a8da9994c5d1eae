// Lists come in pages: an opaque cursor, and a limit.
import { z } from 'zod'

export const PAGE_LIMIT_DEFAULT = 100
export const PAGE_LIMIT_MAX = 1000
const CURSOR_CHARACTERS_MAX = 4096
/** Of the items of one page, as JSON: a control character of a payload takes six. One item is always in a page. */
export const PAGE_JSON_BYTES_MAX = 4 * 1024 * 1024

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

/** The items of a page as JSON, within the bounds of a page. */
export class JsonPage {
  private readonly limit: number
  private readonly texts: string[] = []
  private bytes = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get isFull(): boolean {
    return this.texts.length >= this.limit || this.bytes >= PAGE_JSON_BYTES_MAX
  }

  get isEmpty(): boolean {
    return this.texts.length === 0
  }

  /** False if there is no room: then the item is not in the page. */
  add(item: unknown): boolean {
    if (this.isFull) return false
    const text = JSON.stringify(item)
    const bytes = new TextEncoder().encode(text).length
    if (!this.isEmpty && this.bytes + bytes > PAGE_JSON_BYTES_MAX) return false
    this.texts.push(text)
    this.bytes += bytes
    return true
  }

  /** @param next the cursor of the next page; null after the last */
  response(next: string | null): Response {
    const body = `{"items":[${this.texts.join(',')}],"next":${JSON.stringify(next)}}`
    return new Response(body, { headers: { 'content-type': 'application/json' } })
  }
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
