// Claim tokens, and the request of a device that uses one.
import {
  createClaimTokenRoute,
  listClaimTokensRoute,
  provisionAnswer,
  provisionRoute,
  revokeClaimTokenRoute,
} from '../../src/api/provisioning.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import type { ProvisionRequest } from '../../src/relay/provision.ts'
import type { CoreParts } from '../parts.ts'
import type { ClaimToken } from '../registry/claim-tokens.ts'
import { sorted } from '../registry/device-patch.ts'
import { cursorOf, iso, notACursor, positionOf } from './registry-answers.ts'
import { coreRoutes } from './routes.ts'

export function provisioningRoutes({ registry }: Pick<CoreParts, 'registry'>) {
  const { claimTokens, fleets, provisioning } = registry
  const routes = coreRoutes()

  routes.openapi(createClaimTokenRoute, async (c) => {
    const { fleet } = c.var.claims
    if (!(await fleets.exists(fleet)))
      return problemResponse('unknown-fleet', 'The fleet has no registry yet: make it first', {
        field: 'fleet',
      })
    const { uses, expiresInSeconds, attributes, groups, ...rest } = c.req.valid('json')
    const { token, secret } = await claimTokens.create(fleet, {
      ...rest,
      usesLeft: uses,
      notAfter: expiresInSeconds === undefined ? null : registry.now() + expiresInSeconds * 1000,
      attributes: sorted(Object.entries(attributes)),
      groups: [...new Set(groups)].sort(),
    })
    return c.json({ ...shown(token), token: secret }, 201)
  })

  routes.openapi(listClaimTokensRoute, async (c) => {
    const { cursor, limit } = c.req.valid('query')
    const after = positionOf(cursor)
    if (after === undefined) return notACursor()
    const page = await claimTokens.list(c.var.claims.fleet, after, limit)
    return c.json({ items: page.tokens.map(shown), next: cursorOf(page.next) }, 200)
  })

  routes.openapi(revokeClaimTokenRoute, async (c) => {
    const revoked = await claimTokens.revoke(c.var.claims.fleet, c.req.valid('param').token)
    return revoked
      ? c.body(null, 204)
      : problemResponse('unknown-claim-token', 'There is no such claim token', { field: 'token' })
  })

  routes.openapi(provisionRoute, async (c) => {
    const { nonce, ...body } = c.req.valid('json')
    const asked: ProvisionRequest = { ...body, ...(nonce !== undefined && { nonce }) }
    const answered = provisionAnswer(asked, await provisioning.provision(asked))
    return answered instanceof Response ? answered : c.json(answered, 201)
  })
  return routes
}

function shown({
  id,
  description,
  createdAt,
  notAfter,
  usesLeft,
  revoked,
  type,
  attributes,
  groups,
}: ClaimToken) {
  return {
    id,
    description,
    createdAt: iso(createdAt),
    expiresAt: notAfter === null ? null : iso(notAfter),
    usesLeft,
    revoked,
    type,
    attributes,
    groups,
  }
}
