// Sessions, for administrators: what a client's home keeps, its queue emptied, its session or its connection ended.
import {
  endSessionRoute,
  kickRoute,
  noSession,
  purgeQueueRoute,
  type SessionAnswered,
  sessionAnswered,
  sessionRefused,
  sessionRoute,
} from '../../src/api/session.ts'
import type { ClientId } from '../../src/id/ids.ts'
import type { ProblemResponse } from '../../src/relay/problem.ts'
import type { SessionResponse, SessionVerb } from '../../src/relay/session-admin.ts'
import { askHome } from './ask-home.ts'
import { type ApiContext, edgeRoutes } from './edge.ts'

export const sessionRoutes = edgeRoutes()

interface Params {
  readonly fleet: string
  readonly client: ClientId
}

sessionRoutes.openapi(sessionRoute, (c) =>
  administer(c, c.req.valid('param'), 'show', ({ session }) =>
    session === null ? noSession() : c.json(session, 200),
  ),
)
sessionRoutes.openapi(endSessionRoute, (c) =>
  administer(c, c.req.valid('param'), 'end', () => c.body(null, 204)),
)
sessionRoutes.openapi(purgeQueueRoute, (c) =>
  administer(c, c.req.valid('param'), 'purge', ({ purged }) => c.json({ purged }, 200)),
)
sessionRoutes.openapi(kickRoute, (c) => administer(c, c.req.valid('param'), 'kick', () => c.body(null, 204)))

async function administer<Answer extends Response>(
  c: ApiContext,
  { fleet, client }: Params,
  verb: SessionVerb,
  answer: (found: SessionAnswered) => Answer,
): Promise<Answer | ProblemResponse<403 | 503>> {
  const refused = sessionRefused(c.var, fleet)
  if (refused !== null) return refused
  const said = await askHome<SessionResponse>(
    c,
    client,
    'client',
    (device) => device.session(verb, null),
    (core, asked) => core.session({ ...asked, verb }),
  )
  if (said instanceof Response) return said
  const found = sessionAnswered(said)
  return found instanceof Response ? found : answer(found)
}
