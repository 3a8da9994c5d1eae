// A device's shadows over HTTP, for the clients of its fleet.
import type { Context } from 'hono'
import { parseClientId } from '../../src/id/ids.ts'
import { CLASSIC_SHADOW, namedShadow, type ShadowVerb } from '../../src/id/shadow-topic.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import type { ShadowAsked, ShadowResponse } from '../../src/relay/shadow.ts'
import { decodeShadow } from '../../src/shadow/document.ts'
import { whole } from '../../src/shadow/step.ts'
import { type ApiContext, askHome, claimsOf, isKnown } from './asking.ts'

const VERBS: Readonly<Record<string, ShadowVerb>> = { GET: 'get', PATCH: 'update', DELETE: 'delete' }
const PATCH_TYPES = ['application/json', 'application/merge-patch+json']

/** `GET`, `PATCH` and `DELETE /v1/devices/<device>/shadow`; `?name=` for a named one. */
export async function shadowRoute(c: ApiContext): Promise<Response> {
  const claims = await claimsOf(c)
  if (claims instanceof Response) return claims
  const device = parseClientId(c.req.param('device') ?? '')
  if (device === null) return problemResponse(400, 'Not a client id', { field: 'device' })
  const name = c.req.query('name')
  const path = name === undefined ? CLASSIC_SHADOW : namedShadow(name)
  if (path === null) {
    const detail = '1 to 64 of the characters A-Z a-z 0-9 : _ - $'
    return problemResponse(400, 'Not the name of a shadow', { field: 'name', detail })
  }
  const verb = VERBS[c.req.method] ?? 'get'
  const body = await bodyOf(c, verb)
  if (body instanceof Response) return body

  const shadowAsked: ShadowAsked = { id: crypto.randomUUID(), path, verb, body }
  const answer = await askHome<ShadowResponse>(
    c,
    claims.fleet,
    device,
    'device',
    (actor) => actor.shadow(shadowAsked, null),
    (core, asked) => core.shadow({ ...asked, ...shadowAsked }),
  )
  return answer instanceof Response ? answer : respond(c, answer, verb)
}

/** What the home is asked: the body, with the version that `If-Match` names. */
async function bodyOf(c: Context, verb: ShadowVerb): Promise<string | Response> {
  if (verb === 'get') return ''
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (verb === 'update' && !PATCH_TYPES.includes(type))
    return problemResponse(415, 'The body must be JSON', {
      field: 'Content-Type',
      detail: PATCH_TYPES.join(' or '),
    })
  const text = verb === 'update' ? await c.req.text() : ''
  const match = c.req.header('if-match')
  if (match === undefined) return text
  const version = /^"(\d{1,15})"$/.exec(match.trim())?.[1]
  if (version === undefined)
    return problemResponse(400, 'Not a version', {
      field: 'If-Match',
      detail: 'as ETag says it, such as "7"',
    })
  try {
    const body: unknown = text === '' ? {} : JSON.parse(text)
    // What is no object is refused at the home, as all that is wrong with it.
    return typeof body === 'object' && body !== null && !Array.isArray(body)
      ? JSON.stringify({ ...body, version: Number(version) })
      : text
  } catch {
    return text
  }
}

function respond(c: Context, answer: ShadowResponse, verb: ShadowVerb): Response {
  if (answer.status === 'unreachable') {
    const detail = 'it may have been changed all the same, should the home have got the request'
    return problemResponse(503, `The device's home does not answer: ${answer.region}`, {
      ...(verb !== 'get' && { detail }),
    })
  }
  if (answer.status === 'unknown') return problemResponse(404, 'No such device is known', { field: 'device' })
  if (answer.status === 'synced') return respondSynced(c, answer)
  const { body, error, version, changedAt } = answer
  if (error !== null) {
    // The version came by If-Match, whose failure has a status of its own.
    const unmatched = error.code === 409 && c.req.header('if-match') !== undefined
    return problemResponse(unmatched ? 412 : error.code, error.message, {
      ...(error.field !== null && { field: error.field }),
      ...(error.code === 409 && {
        field: unmatched ? 'If-Match' : 'version',
        detail: `the version is ${version ?? 0}`,
      }),
    })
  }
  return documentResponse(c, body, version ?? 0, changedAt ?? 0, verb === 'get')
}

/** What the home's region had last given to the store, since that region does not answer: marked with its age. */
function respondSynced(
  c: Context,
  { region, shadow: text }: Extract<ShadowResponse, { status: 'synced' }>,
): Response {
  const shadow = text === null ? null : decodeShadow(text)
  const now = Date.now()
  const document = shadow === null ? null : whole(shadow, now)
  if (shadow === null || document === null) {
    const detail = `${region} cannot be reached; this is what it had synced`
    return problemResponse(404, 'No such shadow is known', { detail })
  }
  const ageSeconds = Math.max(0, Math.floor((now - shadow.changedAt) / 1000))
  c.header('age', String(ageSeconds))
  const body = JSON.stringify({ ...document, synced: { region, ageSeconds } })
  return documentResponse(c, body, shadow.version, shadow.changedAt, true)
}

function documentResponse(
  c: Context,
  body: string,
  version: number,
  changedAt: number,
  read: boolean,
): Response {
  const etag = `"${version}"`
  c.header('etag', etag)
  c.header('last-modified', new Date(changedAt).toUTCString())
  c.header('cache-control', 'no-cache')
  if (read && isKnown(c, etag)) return c.body(null, 304)
  c.header('content-type', 'application/json')
  return c.body(body)
}
