// A shadow as its home keeps it, and as it crosses processes and lies in stores: one row of JSON.
import { z } from 'zod'
import type { JsonObject, TimesObject } from './json.ts'

export const SECTIONS = ['desired', 'reported'] as const
export type Section = (typeof SECTIONS)[number]

/** A section that holds nothing is absent. */
export interface ShadowDocument {
  readonly state: Partial<Readonly<Record<Section, JsonObject>>>
  readonly metadata: Partial<Readonly<Record<Section, TimesObject>>>
}

export interface Shadow {
  /** Counts the updates, also over a deletion. */
  readonly version: number
  /** Milliseconds since the epoch. */
  readonly changedAt: number
  /** Null where it has been deleted. */
  readonly document: ShadowDocument | null
}

export const EMPTY_DOCUMENT: ShadowDocument = { state: {}, metadata: {} }

/** What a home has written is believed to be JSON objects at every place where it puts them. */
const object = z.custom<JsonObject & TimesObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)
const shadowSchema = z.object({
  version: z.int().min(0),
  changedAt: z.number(),
  document: z
    .object({
      state: z.object({ desired: object.optional(), reported: object.optional() }),
      metadata: z.object({ desired: object.optional(), reported: object.optional() }),
    })
    .nullable(),
})

export function encodeShadow(shadow: Shadow): string {
  return JSON.stringify(shadow)
}

/** Throws on what `encodeShadow` cannot have made. */
export function decodeShadow(text: string): Shadow {
  return shadowSchema.parse(JSON.parse(text)) as Shadow
}
