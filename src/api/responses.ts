// How routes declare their answers: JSON with a schema, and problems.
import { z } from 'zod'
import { problemSchema } from '../relay/problem.ts'
import { PROBLEM_TYPES, type ProblemName, problemTypeOf } from '../relay/problem-types.ts'

const typeSchema = z
  .enum(Object.keys(PROBLEM_TYPES).map((name) => problemTypeOf(name as ProblemName)))
  .meta({ description: 'Stable; what it means, and what to do, stands at this path of the same server' })

/** The schema of a problem in the documents. */
export const documentedProblemSchema = problemSchema.extend({ type: typeSchema })
const documentedProblem = documentedProblemSchema.meta({ id: 'Problem', description: 'RFC 9457' })

const PROBLEMS = {
  400: 'Something in the request is not valid; `field` names it',
  401: 'The token is missing, not valid, or has expired',
  403: 'The token does not allow this',
  404: 'There is no such thing',
  409: 'It stands against what is there now',
  412: 'The version that `If-Match` names is not the present one',
  413: 'The body is too large',
  415: 'The body is of another type than JSON',
  422: 'The idempotency key was used for another request',
  429: 'Too much waits already; try again later',
  500: 'A bug',
  503: 'What is needed for the answer cannot be reached now; try again',
  504: 'No answer came in time',
  507: 'There is no room for it',
} as const
type ProblemStatus = keyof typeof PROBLEMS

type ProblemDeclaration = {
  readonly description: string
  readonly content: { readonly 'application/problem+json': { readonly schema: typeof documentedProblem } }
}

/** The statuses of a route's problems, including 400 and 401, which every route has. */
export function problems<Status extends ProblemStatus>(
  ...statuses: readonly Status[]
): Record<Status, ProblemDeclaration> {
  const declared = {} as Record<Status, ProblemDeclaration>
  for (const status of statuses)
    declared[status] = {
      description: PROBLEMS[status],
      content: { 'application/problem+json': { schema: documentedProblem } },
    }
  return declared
}

/** A JSON body. @param headers their schemas, by name */
export function json<Schema extends z.ZodType>(description: string, schema: Schema, headers?: z.ZodObject) {
  return {
    description,
    content: { 'application/json': { schema } },
    ...(headers !== undefined && { headers }),
  }
}

/** A required JSON body of a request. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: true as const }
}

/**
 * A response that neither `c.json` nor `problemResponse` made, for instance of text that is already JSON. The compiler cannot hold
 * it against the route's declaration; a test asks every route of the documents.
 */
export function onTrust(response: Response): never {
  return response as never
}
