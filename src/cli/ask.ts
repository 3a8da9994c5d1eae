// Requests to the HTTP API of edge and core: answers are checked, refusals become a clear message and an exit code.
import type { z } from 'zod'
import { problemSchema } from '../relay/problem.ts'
import { Exit, exitOfStatus, Failure } from './exit.ts'

/** Longer than the edge takes to find out that a home does not answer. */
export const ASK_MS = 40_000

export interface Question {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** A JSON value, or text that is JSON already. */
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

/**
 * Sends a request and checks its answer against `schema`; use `z.unknown()` for an answer without a body.
 * @param base `http://…` of the edge or the core, without a slash at the end
 * @param path its parts are encoded: `['v1', 'clients', client, 'presence']`
 * @throws Failure
 */
export async function ask<S extends z.ZodType>(
  schema: S,
  base: string,
  token: string,
  path: readonly string[],
  question: Question = {},
): Promise<Answer<z.infer<S>>> {
  const response = await send(base, token, path, question)
  const text = await response.text().catch((cause: unknown) => {
    throw unreachable(base, cause)
  })
  const body = parsed(text)
  if (!response.ok) throw refusal(response.status, body, base)
  const checked = schema.safeParse(body)
  if (!checked.success)
    throw new Failure(
      Exit.Failed,
      `${base} answered something else than this version of the command expects`,
      {
        cause: checked.error,
      },
    )
  return { status: response.status, headers: response.headers, body: checked.data }
}

async function send(
  base: string,
  token: string,
  path: readonly string[],
  { method = 'GET', body, query = {}, headers = {}, timeoutMs = ASK_MS }: Question,
): Promise<Response> {
  const url = new URL(`${base}/${path.map(encodeURIComponent).join('/')}`)
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.append(key, String(value))
  try {
    return await fetch(url, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  } catch (cause) {
    throw unreachable(base, cause)
  }
}

function unreachable(base: string, cause: unknown): Failure {
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return new Failure(Exit.Timeout, `${base} did not answer in time`, { cause })
  return new Failure(Exit.Unreachable, `${base} cannot be reached (${reason(cause)})`, { cause })
}

/** The reason that fetch hides in its error's cause: `ECONNREFUSED`, an unknown name. */
function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.cause instanceof Error) {
    const { code, message } = cause.cause as NodeJS.ErrnoException
    return code ?? message
  }
  return cause.message
}

function parsed(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A problem (RFC 9457) as one line. */
function refusal(status: number, body: unknown, base: string): Failure {
  const problem = problemSchema.safeParse(body)
  if (!problem.success)
    return new Failure(exitOfStatus(status), `${base} answered with HTTP status ${status}`)
  const { title, detail, field } = problem.data
  const where = field === undefined || field === '' ? '' : ` [${field}]`
  return new Failure(exitOfStatus(status), `${title}${detail === undefined ? '' : ` (${detail})`}${where}`)
}
