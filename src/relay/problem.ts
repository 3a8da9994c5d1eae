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

/** A response that says what it is in its type, as hono's do: a route that returns one must declare its status. */
export type ProblemResponse<Status extends number = number> = Response & {
  readonly _data: Problem
  readonly _status: Status
  readonly _format: 'json'
}

export function problemResponse<Status extends number>(
  status: Status,
  title: string,
  more: { detail?: string; field?: string; headers?: Readonly<Record<string, string>> } = {},
): ProblemResponse<Status> {
  const { headers, ...rest } = more
  const problem: Problem = { type: 'about:blank', title, status, ...rest }
  return new Response(JSON.stringify(problem), {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
  }) as ProblemResponse<Status>
}

/** The first thing that a schema found wrong. */
export function invalid(error: z.ZodError): Response {
  const issue = error.issues[0]
  return problemResponse(400, 'The request is not valid', {
    ...(issue !== undefined && { detail: issue.message, field: issue.path.join('.') }),
  })
}
