// Errors of every HTTP interface: RFC 9457 problem details that name what was wrong.
import { z } from 'zod'

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  /** The field of the request that is wrong, as a path: `envelopes.0.root`. */
  field: z.string().optional(),
})
export type Problem = z.infer<typeof problemSchema>

export function problemResponse(
  status: number,
  title: string,
  more: { detail?: string; field?: string } = {},
): Response {
  const problem: Problem = { type: 'about:blank', title, status, ...more }
  return new Response(JSON.stringify(problem), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  })
}

/** The first thing that a schema found wrong. */
export function invalid(error: z.ZodError): Response {
  const issue = error.issues[0]
  return problemResponse(400, 'The request is not valid', {
    ...(issue !== undefined && { detail: issue.message, field: issue.path.join('.') }),
  })
}
