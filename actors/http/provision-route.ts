// A device exchanges a claim token for its credential at the edge that it connects to; the core answers.

import { provisionAnswer, provisionRoute } from '../../src/api/provisioning.ts'
import { PROVISION_PATH } from '../../src/api/public-api.ts'
import { parseSecret } from '../../src/id/secret.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import type { ProvisionRequest } from '../../src/relay/provision.ts'
import { CoreUnreachable } from '../core/core-client.ts'
import { edgeRoutes, regionOf } from './edge.ts'

export const provisionRoutes = edgeRoutes()

provisionRoutes.openapi(provisionRoute, async (c) => {
  const { nonce, ...body } = c.req.valid('json')
  const asked: ProvisionRequest = { ...body, ...(nonce !== undefined && { nonce }) }
  try {
    // Text that is not a claim token costs the core nothing.
    const answer =
      parseSecret(asked.claimToken)?.kind === 'claim'
        ? await c.env.edge.core(regionOf(c)).provision(asked)
        : ({ status: 'refused', because: 'token' } as const)
    const answered = provisionAnswer(asked, answer)
    return answered instanceof Response ? answered : c.json(answered, 201)
  } catch (cause) {
    if (!(cause instanceof CoreUnreachable)) throw cause
    return problemResponse('core-unreachable', 'The core cannot be reached', {
      detail: `${PROVISION_PATH}: try again`,
    })
  }
})
