// The frame of the public HTTP API, the same at edge and core: authentication, refusals, the OpenAPI document.
// A new route is declared beside this file (for instance presence.ts), answered in actors/http or k8s-core/http, and mounted in
// that folder's api.ts. Its schemas validate requests and become the document.
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context, Env, Hono, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { METHOD_NAME_ALL } from 'hono/router'
import { type ClientClaims, checkClientToken } from '../id/client-token.ts'
import { invalid, type ProblemResponse, problemResponse } from '../relay/problem.ts'
import { PROBLEMS_PATH } from '../relay/problem-types.ts'
import { inexactNumber } from '../shadow/exact-numbers.ts'

/** The variables of every route's context. */
export interface ApiVariables {
  readonly claims: ClientClaims
}

/** For routes that need a token. */
export const SECURITY = [{ bearer: [] }]
/** Room for a message of 1 MiB as base64. */
export const API_BODY_BYTES_MAX = 2 * 1024 * 1024
/** How much of a refused body is read all the same. */
const REFUSED_BYTES_READ_MAX = 16 * 1024 * 1024
/** The paths of the API; other paths need no token. */
export const API_PATHS = '/v1/*'
/** Needs no token in a header: the body has a claim token, and the device has no other. */
export const PROVISION_PATH = '/v1/provision'
/** Of a request to that path: nobody has proven who sends it. */
export const PROVISION_BODY_BYTES_MAX = 16 * 1024

/** A group of routes, to be mounted on an API. A request that its schema refuses gets a problem that names the field. */
export function apiRoutes<E extends Env>(): OpenAPIHono<E> {
  return new OpenAPIHono<E>({
    defaultHook: async (result, c) => {
      if (!result.success) return invalid(result.error)
      return result.target === 'json' ? refusedNumber(await c.req.text()) : undefined
    },
  })
}

/** The refusal of a body with a number that would not be stored or passed on as it was sent; else undefined. */
function refusedNumber(body: string): ProblemResponse<400> | undefined {
  const field = inexactNumber(body)
  if (field === null) return undefined
  return problemResponse('invalid-request', 'The request is not valid', {
    field,
    detail: 'a number that cannot be stored exactly: send it as a string',
  })
}

/**
 * An API to mount groups of routes on.
 * @param secretOf signs the clients' tokens
 * @param tokenInQuery the one path where a token may come as `?token=`: addresses are logged in many places
 */
export function publicApi<E extends Env>(
  secretOf: (c: Context) => string,
  { tokenInQuery }: { readonly tokenInQuery?: string } = {},
): OpenAPIHono<E> {
  const api = apiRoutes<E>()
  api.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: "A client's token, as `starling token` prints it; with the scope `admin` an administrator's",
  })
  // Any origin may ask: tokens come in a header, which browsers never add by themselves.
  api.use(
    API_PATHS,
    cors({
      origin: '*',
      allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposeHeaders: ['ETag', 'Last-Modified', 'Age', 'Location', 'Retry-After'],
      maxAge: 86_400,
    }),
  )
  api.use(
    API_PATHS,
    authenticated(secretOf, (c) => presentedToken(c, tokenInQuery)),
  )
  api.use(API_PATHS, boundedBody)
  return api
}

const provisionBody = limitedBody(PROVISION_BODY_BYTES_MAX)
const anyBody = limitedBody(API_BODY_BYTES_MAX)
const boundedBody: MiddlewareHandler<{ Variables: ApiVariables }> = (c, next) =>
  (c.req.path === PROVISION_PATH ? provisionBody : anyBody)(c, next)

export function bearerToken(c: Context): string | undefined {
  return /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
}

/** The token of a request. @param inQuery where it may be in the query, as a browser's EventSource has no headers */
export function presentedToken(c: Context, inQuery?: string): string | undefined {
  return bearerToken(c) ?? (c.req.path === inQuery ? c.req.query('token') : undefined)
}

/** Only a token with a valid signature is said to have expired. */
export const UNAUTHENTICATED = {
  missing: 'A token is needed',
  expired: 'The token has expired',
  invalid: 'The token is not valid',
} as const

/** Verifies the token before anything else of the request is looked at. */
export function authenticated(
  secretOf: (c: Context) => string,
  tokenOf: (c: Context) => string | undefined = bearerToken,
): MiddlewareHandler<{ Variables: ApiVariables }> {
  return async (c, next) => {
    if (c.req.path === PROVISION_PATH) return next()
    const token = tokenOf(c)
    const claims = token === undefined ? 'missing' : await checkClientToken(token, secretOf(c))
    if (typeof claims === 'string') {
      return problemResponse('unauthenticated', UNAUTHENTICATED[claims], {
        field: 'Authorization',
        detail: 'Authorization: Bearer <token>',
        headers: { 'www-authenticate': 'Bearer' },
      })
    }
    c.set('claims', claims)
    return next()
  }
}

/** A route's `middleware`, where only administrators may call it. Declare 403. */
export const administratorsOnly: MiddlewareHandler<{ Variables: ApiVariables }> = async (c, next) => {
  if (c.var.claims.admin) return next()
  return problemResponse('not-administrator', "The token is not an administrator's", {
    field: 'Authorization',
  })
}

/** A route's `middleware` for a body limit below the API's. Declare 413. */
export function limitedBody(bytesMax: number): MiddlewareHandler<{ Variables: ApiVariables }> {
  return bodyLimit({
    maxSize: bytesMax,
    onError: async (c) => {
      await readAway(c.req.raw.body)
      return problemResponse('too-large', 'The body is too large', { detail: `at most ${bytesMax} bytes` })
    },
  })
}

/**
 * Reads a refused body, up to a bound. Otherwise the connection is closed while the client is still sending, is reset, and the
 * client never sees the answer.
 */
async function readAway(body: ReadableStream<Uint8Array> | null): Promise<void> {
  if (body === null || body.locked) return
  const reader = body.getReader()
  for (let left = REFUSED_BYTES_READ_MAX; left > 0; ) {
    const { done, value } = await reader.read()
    if (done) return
    left -= value.byteLength
  }
  await reader.cancel()
}

/** Serves the OpenAPI document of the mounted routes as `/openapi.json`. */
export function serveDocument<E extends Env>(
  api: OpenAPIHono<E>,
  about: { readonly title: string; readonly description: string },
): void {
  let document: string | undefined
  api.get('/openapi.json', (c) => {
    document ??= JSON.stringify(
      api.getOpenAPI31Document({
        openapi: '3.1.0',
        info: {
          version: '1',
          license: { name: 'Apache-2.0' },
          title: about.title,
          description: `${about.description} Errors are problems of RFC 9457, whose \`type\` is explained at its own path; all are listed at [${PROBLEMS_PATH}](${PROBLEMS_PATH}).`,
        },
      }),
    )
    return c.body(document, 200, {
      'content-type': 'application/json',
      'cache-control': 'public, max-age=300',
      'access-control-allow-origin': '*',
    })
  })
}

/** Answers requests that match no route: 405 if the path has other methods, else 404. */
export function nothingHere<E extends Env>(app: Hono<E>) {
  return (c: Context): ProblemResponse<404 | 405> => {
    const allowed = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) =>
      app.router.match(method, c.req.path)[0].some(([[, route]]) => route.method !== METHOD_NAME_ALL),
    )
    if (allowed.length === 0) return problemResponse('not-found', 'Nothing is here')
    return problemResponse('method-not-allowed', `${c.req.method} is not possible here`, {
      detail: allowed.join(', '),
      headers: { allow: allowed.join(', ') },
    })
  }
}

/** The problem for a request that the library refused by throwing; null for any other error. */
export function refusedByLibrary(cause: Error): Response | null {
  if (!(cause instanceof HTTPException)) return null
  if (cause.status === 415)
    return problemResponse('not-json', 'The body must be JSON', {
      field: 'Content-Type',
      detail: 'application/json',
    })
  // The library refuses two things: the media type, and a body that is not JSON.
  return problemResponse('invalid-request', cause.message)
}
