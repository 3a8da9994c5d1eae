// Errors of every HTTP interface: RFC 9457 problem details that name the fault.
import { z } from 'zod'
import { PROBLEM_TYPES, type ProblemName, type ProblemStatus, problemTypeOf } from './problem-types.ts'

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  /** The field of the request that is wrong, as a path: `envelopes.0.root`. */
  field: z.string().optional(),
})
export type Problem = z.infer<typeof problemSchema>

/** A response with its status in its type, as hono has it: a route that returns one must declare the status. */
export type ProblemResponse<Status extends number = number> = Response & {
  readonly _data: Problem
  readonly _status: Status
  readonly _format: 'json'
}

/**
 * @param name decides the status
 * @param title for people, of this occurrence
 */
export function problemResponse<Name extends ProblemName>(
  name: Name,
  title: string,
  {
    headers,
    ...members
  }: { detail?: string; field?: string; headers?: Readonly<Record<string, string>> } & Readonly<
    Record<string, unknown>
  > = {},
): ProblemResponse<ProblemStatus<Name>> {
  const { status } = PROBLEM_TYPES[name]
  const problem: Problem = { type: problemTypeOf(name), title, status, ...members }
  return new Response(JSON.stringify(problem), {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
  }) as ProblemResponse<ProblemStatus<Name>>
}

/** The first fault that a schema found. */
export function invalid(error: z.ZodError): ProblemResponse<400> {
  const issue = error.issues[0]
  return problemResponse('invalid-request', 'The request is not valid', {
    ...(issue !== undefined && issueOf(issue)),
  })
}

/** The fault and its place. The place of an unknown key is the key itself. */
function issueOf(issue: z.core.$ZodIssue): { readonly detail: string; readonly field?: string } {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const field = [...issue.path, ...unknown].join('.')
  return { detail: issue.message, ...(field !== '' && { field }) }
}
