// A shadow in the form that its home keeps, that crosses processes, and that stores hold: one row of JSON.
import { z } from 'zod'
import type { JsonObject, TimesObject } from './json.ts'

export const SECTIONS = ['desired', 'reported'] as const
export type Section = (typeof SECTIONS)[number]

/** An empty section is absent. */
export interface ShadowDocument {
  readonly state: Partial<Readonly<Record<Section, JsonObject>>>
  readonly metadata: Partial<Readonly<Record<Section, TimesObject>>>
}

export interface Shadow {
  /** Counts the updates; a deletion does not reset it. */
  readonly version: number
  /** Milliseconds since the epoch. */
  readonly changedAt: number
  /** Null once deleted. */
  readonly document: ShadowDocument | null
}

export const EMPTY_DOCUMENT: ShadowDocument = { state: {}, metadata: {} }

/** Only a home writes these, so their inner values are not checked again. */
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

/** Throws for a text that `encodeShadow` cannot have made. */
export function decodeShadow(text: string): Shadow {
  return shadowSchema.parse(JSON.parse(text)) as Shadow
}
