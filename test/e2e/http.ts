// The HTTP API as a test asks it.
import type { System } from './system.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as it likes
  readonly body: any
}

export interface Ask {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** @param where a region, or `core`. A body that is no text is sent as JSON. */
export async function ask(
  system: System,
  where: string,
  token: string | null,
  path: string,
  { method = 'GET', body, headers = {} }: Ask = {},
): Promise<Answer> {
  const local = await system.local()
  const http = where === 'core' ? local.core.http : local.regions[where]?.http
  const response = await fetch(`${http}${path}`, {
    method,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      // A body that is too large is refused before it is read, and its connection is good for nothing else; nor is one whose edge
      // was killed.
      connection: 'close',
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
}
