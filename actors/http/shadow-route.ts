// A device's shadows over HTTP, for the clients of its fleet.
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
import type { ShadowAsked, ShadowResponse } from '../../src/relay/shadow.ts'
import { askHome } from './ask-home.ts'
import { type ApiContext, edgeRoutes } from './edge.ts'

export const shadowRoutes = edgeRoutes()

shadowRoutes.openapi(readShadowRoute, (c) =>
  ask(c, c.req.valid('param').device, c.req.valid('query').name, 'get', ''),
)
shadowRoutes.openapi(changeShadowRoute, async (c) => {
  // The text as the client sent it: the home parses it by the same rules as a request by MQTT.
  const body = forVersion(await c.req.text(), c.req.valid('header')['If-Match'])
  return ask(c, c.req.valid('param').device, c.req.valid('query').name, 'update', body)
})
shadowRoutes.openapi(deleteShadowRoute, (c) => {
  const body = forVersion('', c.req.valid('header')['If-Match'])
  return ask(c, c.req.valid('param').device, c.req.valid('query').name, 'delete', body)
})

async function ask(
  c: ApiContext,
  device: ClientId,
  name: string | undefined,
  verb: ShadowVerb,
  body: string,
): Promise<never> {
  const shadowAsked: ShadowAsked = { id: crypto.randomUUID(), path: shadowPath(name), verb, body }
  const answer = await askHome<ShadowResponse>(
    c,
    device,
    'device',
    (actor) => actor.shadow(shadowAsked, null),
    (core, asked) => core.shadow({ ...asked, ...shadowAsked }),
  )
  return onTrust(answer instanceof Response ? answer : shadowAnswer(c, answer, verb))
}

/** The home's request: the body, with the version of `If-Match`. */
function forVersion(text: string, match: string | undefined): string {
  if (match === undefined) return text
  const body = text === '' ? {} : (JSON.parse(text) as object)
  return JSON.stringify({ ...body, version: Number(match.slice(1, -1)) })
}
