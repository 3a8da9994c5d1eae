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
  const content = await boundedBody(request, BODY_BYTES_MAX)
  if (content === null)
    return {
      problem: problemResponse('too-large', 'The body is too large', {
        detail: `at most ${BODY_BYTES_MAX} bytes`,
      }),
    }
  try {
    return { body: decodeBody(request.headers.get('content-type'), content, { views }) }
  } catch (cause) {
    if (!(cause instanceof BodyError)) throw cause
    return { problem: problemResponse('invalid-request', cause.message) }
  }
}

/** The body; null if it is larger. A chunked body does not say its size, and is read no further than the bound. */
async function boundedBody(request: Request, bytesMax: number): Promise<Uint8Array | null> {
  const said = request.headers.get('content-length')
  if (said !== null && !request.headers.has('transfer-encoding'))
    return Number(said) > bytesMax ? null : new Uint8Array(await request.arrayBuffer())
  if (request.body === null) return new Uint8Array(0)
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of request.body) {
    bytes += piece.length
    if (bytes > bytesMax) return null
    pieces.push(piece)
  }
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** @param body JSON values and bytes */
export function relayResponse(version: RelayVersion, body: unknown): Response {
  const { type, content } = encodeBody(version, body)
  return new Response(content, { headers: { 'content-type': type } })
}
