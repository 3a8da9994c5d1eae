// The serving side of a call between edge and core: reads the request in its version, and answers in the same version.
import { BODY_BYTES_MAX, BodyError, decodeBody, encodeBody } from './body.ts'
import { type ProblemResponse, problemResponse } from './problem.ts'
import { RELAY_VERSIONS_HEADER, RELAY_VERSIONS_TEXT, type RelayVersion, servedVersion } from './version.ts'

/** Adds the range of served versions to an answer, so that callers can use the highest. */
function withVersions(response: Response): Response {
  response.headers.set(RELAY_VERSIONS_HEADER, RELAY_VERSIONS_TEXT)
  return response
}

/** Hono's context of a request below `/relay/:version`. */
interface VersionedRequest {
  readonly req: { param(name: 'version'): string | undefined }
  readonly res: Response
  set(name: 'version', version: RelayVersion): void
}

/** Middleware: gives the path's version to the next routes, and adds the range of served versions to each answer. */
export async function inVersion(
  c: VersionedRequest,
  next: () => Promise<void>,
): Promise<Response | undefined> {
  const version = servedVersion(c.req.param('version'))
  if (version === null) return unknownVersion()
  c.set('version', version)
  await next()
  withVersions(c.res)
  return undefined
}

/** The answer to a version that this side does not serve. Callers repeat the call in a version of the range. */
function unknownVersion(): Response {
  return withVersions(
    problemResponse('relay-version-unknown', 'This relay version is not served', {
      detail: RELAY_VERSIONS_TEXT,
    }),
  )
}

/** The unchecked body of a request, or a problem. @param views see `decodeBody` */
export async function requestBody(
  request: Request,
  views: boolean,
): Promise<{ readonly body: unknown } | { readonly problem: ProblemResponse<400 | 413> }> {
  if (Number(request.headers.get('content-length') ?? 0) > BODY_BYTES_MAX)
    return { problem: problemResponse('too-large', 'The body is too large') }
  const content = new Uint8Array(await request.arrayBuffer())
  try {
    return { body: decodeBody(request.headers.get('content-type'), content, { views }) }
  } catch (cause) {
    if (!(cause instanceof BodyError)) throw cause
    return { problem: problemResponse('invalid-request', cause.message) }
  }
}

/** @param body JSON values and bytes */
export function relayResponse(version: RelayVersion, body: unknown): Response {
  const { type, content } = encodeBody(version, body)
  return new Response(content, { headers: { 'content-type': type } })
}
