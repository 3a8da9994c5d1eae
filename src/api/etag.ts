// Versions in HTTP's headers: `If-None-Match` for readers, `If-Match` for writers.
import type { Context } from 'hono'
import { z } from 'zod'

export const knownHeadersSchema = z.object({
  'If-None-Match': z.string().optional().meta({ description: 'ETags of what the reader has already' }),
})

/** A version in `If-Match`, such as "7". */
export const matchHeadersSchema = z.object({
  'If-Match': z
    .string()
    .regex(/^"\d{1,15}"$/, 'not a version: as ETag says it, such as "7"')
    .optional()
    .meta({ description: 'Only for the version with this ETag' }),
})

/** Whether the reader already has this version. */
export function isKnown(c: Context, etag: string): boolean {
  return (c.req.header('if-none-match') ?? '')
    .split(',')
    .map((one) => one.trim())
    .includes(etag)
}
