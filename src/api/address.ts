// The address of a request must be decodable. A part that is not, such as %zz, would else be taken literally, as another name.
import type { MiddlewareHandler } from 'hono'
import { problemResponse } from '../relay/problem.ts'

/** Refuses an address with a `%` that encodes no UTF-8. For every path of a server. */
export const decodableAddress: MiddlewareHandler = async (c, next) => {
  const { url } = c.req
  if (!url.includes('%')) return next()
  const [address = '', query = ''] = (url.split('#')[0] ?? '').split(/\?(.*)/s)
  const segment = address.split('/').find((one) => !isDecodable(one))
  if (segment !== undefined) return refusal('path', segment)
  const pair = query.split('&').find((one) => !isDecodable(one))
  if (pair === undefined) return next()
  return refusal(pair.split('=')[0] ?? '', pair)
}

function refusal(field: string, wrong: string): Response {
  return problemResponse('invalid-request', 'The address is not encoded for a URL', {
    field,
    detail: `${wrong.slice(0, 100)} has a % that encodes no UTF-8: write a % itself as %25`,
  })
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
