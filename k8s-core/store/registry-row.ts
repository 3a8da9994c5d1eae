// Registry rows, the same in both stores: the order of an index, versions, and pages that go from bucket to bucket.
import type { Entry, EntryKey, Index, IndexCursor, IndexPage, IndexQuery } from './registry-port.ts'

/** FNV-1a over UTF-16 units. Never change it: stored rows are in the buckets that it chose. */
export function bucketOf(index: Index, entry: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < entry.length; i++) h = Math.imul(h ^ entry.charCodeAt(i), 0x01000193)
  return (h >>> 0) % index.buckets
}

export function nextVersion(former: Entry | null, now: number): number {
  return Math.max((former?.version ?? 0) + 1, Math.floor(now))
}

export function keyText({ fleet, kind, id }: EntryKey): string {
  return `the ${kind} ${fleet}/${id}`
}

/** The first text after all texts with this prefix, in the order of UTF-8 bytes; null if there is none. */
export function afterPrefix(prefix: string): string | null {
  const points = [...prefix]
  while (points.length > 0) {
    const last = points.pop()?.codePointAt(0) ?? 0
    if (last === 0x10ffff) continue
    // A lone surrogate is no character.
    return points.join('') + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1)
  }
  return null
}

/** Rows of one bucket, in order. */
export type ReadBucket = (
  bucket: number,
  /** Exclusive; null from the bucket's beginning. */
  after: string | null,
  limit: number,
) => Promise<{ entry: string; version: number }[]>

/** The most buckets that are read side by side: a small index is spread thinly over many buckets, a large one fills each. */
const ABREAST_MAX = 16

/** A page over buckets, each of which is read alone. */
export async function pageOf(
  { index, after, limit }: IndexQuery,
  readBucket: ReadBucket,
): Promise<IndexPage> {
  const rows: { bucket: number; entry: string; version: number }[] = []
  const first = after?.bucket ?? 0
  let abreast = 1
  for (let bucket = first; bucket < index.buckets && rows.length <= limit; bucket += abreast) {
    if (bucket > first) abreast = Math.min(abreast * 2, ABREAST_MAX)
    const read = await Promise.all(
      Array.from({ length: Math.min(abreast, index.buckets - bucket) }, async (_, i) => {
        const from = bucket + i === after?.bucket ? after.entry : null
        const found = await readBucket(bucket + i, from, limit + 1 - rows.length)
        return found.map((row) => ({ bucket: bucket + i, ...row }))
      }),
    )
    for (const found of read) rows.push(...found)
  }
  return cut(rows, limit)
}

/** @param rows one more than the limit if there is a next page */
export function cut(
  rows: readonly { readonly bucket: number; readonly entry: string; readonly version: number }[],
  limit: number,
): IndexPage {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const next: IndexCursor | null =
    rows.length > limit && last !== undefined ? { bucket: last.bucket, entry: last.entry } : null
  return { rows: page.map(({ entry, version }) => ({ entry, version })), next }
}
