// Topic filters in the query of a request. A `+` that is not encoded arrives as a space: the filter would match nothing, and
// the caller would wait for ever.
import type { MiddlewareHandler } from 'hono'
import { problemResponse } from '../relay/problem.ts'

/** A character that no filter may hold. [MQTT-4.7.3-2] */
const UNENCODED = '\u0000'

/** A route's `middleware`, where the query parameter `name` is a topic filter, or several. Declare 400. */
export function encodedFilter(name: string): MiddlewareHandler {
  return async (c, next) => {
    const given = rawValues(c.req.url, name).find(hasUnencodedLevel)
    if (given === undefined) return next()
    const wildcard = given.replaceAll('+', '%2B')
    return problemResponse('unencoded-filter', 'The topic filter is not encoded for a URL', {
      field: name,
      detail: `${given} arrived as '${decoded(given, ' ')}', since + means a space there: write ${name}=${wildcard}, and a level that is a space as %20`,
    })
  }
}

function rawValues(url: string, name: string): string[] {
  const query = /\?([^#]*)/.exec(url)?.[1] ?? ''
  return query.split('&').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at >= 0 && decoded(pair.slice(0, at), ' ') === name ? [pair.slice(at + 1)] : []
  })
}

/** Whether a level is `+` alone. Within a level, a form encodes a space that way, and means it. */
function hasUnencodedLevel(raw: string): boolean {
  return decoded(raw, UNENCODED).split('/').includes(UNENCODED)
}

function decoded(raw: string, plus: string): string {
  try {
    return decodeURIComponent(raw.replaceAll('+', plus))
  } catch {
    return raw
  }
}
