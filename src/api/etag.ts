// Versions in HTTP's headers: `If-None-Match` for readers, `If-Match` for writers.
import type { Context } from 'hono'
import { z } from 'zod'

export const knownHeadersSchema = z.object({
  'If-None-Match': z.string().optional().meta({ description: 'ETags of what the reader has already' }),
})

/** `If-Match`: a version such as "7", or `*`. */
export const matchHeadersSchema = z.object({
  'If-Match': z
    .string()
    .regex(/^(?:\*|"\d{1,15}")$/, 'not a version: as ETag says it, such as "7", or *')
    .optional()
    .meta({ description: 'Only for the version with this ETag; `*` for any that exists' }),
})

/** What `If-Match` asks for: this version, whatever exists, or nothing (null). */
export type Match = number | 'any' | null

/** @param header as `matchHeadersSchema` lets it through */
export function matchOf(header: string | undefined): Match {
  if (header === undefined) return null
  return header === '*' ? 'any' : Number(header.slice(1, -1))
}

/** Whether the reader already has this version, which exists. Weak and strong tags compare alike (RFC 9110, 13.1.2). */
export function isKnown(c: Context, etag: string): boolean {
  const tags = (c.req.header('if-none-match') ?? '').split(',').map((one) => one.trim())
  return tags.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag)
}
