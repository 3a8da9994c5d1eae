// Shadows between edge and core: as one row of JSON each, and as the requests that a former home's changes come late as.
import { z } from 'zod'

/** `shadow`, or `shadow/name/<name>`. */
export const shadowPathSchema = z.string().regex(/^shadow(\/name\/[$:\w-]{1,64})?$/)

export const shadowRowSchema = z.object({ path: shadowPathSchema, shadow: z.string() })
export type ShadowRow = z.infer<typeof shadowRowSchema>

export const lateShadowSchema = z.object({
  path: shadowPathSchema,
  requests: z.array(z.object({ verb: z.enum(['update', 'delete']), /** JSON. */ body: z.string() })),
})
export type LateShadow = z.infer<typeof lateShadowSchema>
