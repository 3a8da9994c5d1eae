// A device's shadows over HTTP, for the clients of its fleet.
import { type Match, matchOf } from '../../src/api/etag.ts'
import { onTrust } from '../../src/api/responses.ts'
import {
  changeShadowRoute,
  deleteShadowRoute,
  readShadowRoute,
  shadowAnswer,
  shadowPath,
} from '../../src/api/shadow.ts'
import type { ClientId } from '../../src/id/ids.ts'
import type { ShadowVerb } from '../../src/id/shadow-topic.ts'
import { type ProblemResponse, problemResponse } from '../../src/relay/problem.ts'
import type { ShadowAsked, ShadowResponse } from '../../src/relay/shadow.ts'
import { MATCH_ANY_TRIES_MAX } from '../limits.ts'
import { askHome } from './ask-home.ts'
import { type ApiContext, edgeRoutes } from './edge.ts'

export const shadowRoutes = edgeRoutes()

shadowRoutes.openapi(readShadowRoute, (c) =>
  ask(c, c.req.valid('param').device, c.req.valid('query').name, 'get', ''),
)
shadowRoutes.openapi(changeShadowRoute, async (c) => {
  // The text as the client sent it: the home parses it by the same rules as a request by MQTT.
  const body = await c.req.text()
  const match = matchOf(c.req.valid('header')['If-Match'])
  return askIf(c, match, c.req.valid('param').device, c.req.valid('query').name, 'update', body)
})
shadowRoutes.openapi(deleteShadowRoute, (c) => {
  const match = matchOf(c.req.valid('header')['If-Match'])
  return askIf(c, match, c.req.valid('param').device, c.req.valid('query').name, 'delete', '')
})

/** A change under the condition of `If-Match`. */
async function askIf(
  c: ApiContext,
  match: Match,
  device: ClientId,
  name: string | undefined,
  verb: 'update' | 'delete',
  body: string,
): Promise<never> {
  if (match !== 'any') return ask(c, device, name, verb, forVersion(body, match))
  for (let tries = 1; ; tries++) {
    const present = await askShadow(c, device, name, 'get', '')
    if (present instanceof Response) return onTrust(present)
    if (present.status === 'unknown' || (present.status === 'done' && present.error?.code === 404))
      return onTrust(problemResponse('version-mismatch', 'There is no such shadow', { field: 'If-Match' }))
    if (present.status !== 'done') return onTrust(shadowAnswer(c, present, verb))
    const answer = await askShadow(c, device, name, verb, forVersion(body, present.version))
    // Another client may change the shadow between the two questions.
    const changed = !(answer instanceof Response) && answer.status === 'done' && answer.error?.code === 409
    if (!changed || tries === MATCH_ANY_TRIES_MAX)
      return onTrust(answer instanceof Response ? answer : shadowAnswer(c, answer, verb))
  }
}

async function ask(
  c: ApiContext,
  device: ClientId,
  name: string | undefined,
  verb: ShadowVerb,
  body: string,
): Promise<never> {
  const answer = await askShadow(c, device, name, verb, body)
  return onTrust(answer instanceof Response ? answer : shadowAnswer(c, answer, verb))
}

function askShadow(
  c: ApiContext,
  device: ClientId,
  name: string | undefined,
  verb: ShadowVerb,
  body: string,
): Promise<ShadowResponse | ProblemResponse<503>> {
  const shadowAsked: ShadowAsked = { id: crypto.randomUUID(), path: shadowPath(name), verb, body }
  return askHome<ShadowResponse>(
    c,
    device,
    'device',
    (actor) => actor.shadow(shadowAsked, null),
    (core, asked) => core.shadow({ ...asked, ...shadowAsked }),
  )
}

/**
 * The request for this version only. The version is added to the text, as the last member, which counts: read and written again,
 * the text's numbers would be rounded before the home can refuse them.
 */
function forVersion(text: string, version: number | null): string {
  if (version === null) return text
  return text === '' ? `{"version":${version}}` : text.replace(/\}\s*$/, `,"version":${version}}`)
}
