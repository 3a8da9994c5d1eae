// The claims of a client's token that is valid at a moment: what most tests of tokens ask.
import { type ClientClaims, checkClientToken } from '../../src/id/client-token.ts'

/** Null for a token that the secret did not sign, that has expired, or that names nobody. @param now ms since the epoch */
export async function validClaims(
  token: string,
  secret: string,
  now: number = Date.now(),
): Promise<ClientClaims | null> {
  const claims = await checkClientToken(token, secret, now)
  return typeof claims === 'string' ? null : claims
}
