// A device registers itself with a claim token, and gets its credential once.
import { hashSecret, isSecret } from '../../src/id/secret.ts'
import type { ProvisionRequest, ProvisionResponse } from '../../src/relay/provision.ts'
import { PROVISION_AGAIN_MS } from '../limits.ts'
import type { ClaimToken, ClaimTokens } from './claim-tokens.ts'
import { type MadeCredential, makeCredential } from './credentials.ts'
import { type RegisteredDevice, recordOf } from './device-record.ts'
import type { Devices } from './devices.ts'

const REFUSED_TOKEN: ProvisionResponse = { status: 'refused', because: 'token' }
const REFUSED_DEVICE: ProvisionResponse = { status: 'refused', because: 'device' }

export class Provisioning {
  private readonly devices: Devices
  private readonly tokens: ClaimTokens
  private readonly now: () => number

  constructor(devices: Devices, tokens: ClaimTokens, now: () => number) {
    this.devices = devices
    this.tokens = tokens
    this.now = now
  }

  /** An existing device cannot be claimed. Only the same nonce may ask again, in case the answer was lost. */
  async provision(request: ProvisionRequest): Promise<ProvisionResponse> {
    const { fleet, device: id, claimToken, nonce } = request
    const token = await this.tokens.known(fleet, claimToken)
    if (token === null) return REFUSED_TOKEN
    const existing = await this.devices.get(fleet, id)
    if (existing !== null) return this.again(request, token, existing)
    if (!(await this.tokens.use(fleet, token))) return REFUSED_TOKEN
    const made = await makeCredential(this.now(), null)
    const { type, attributes, groups } = token
    const claim = { token: token.id, nonce: nonce === undefined ? null : await hashSecret(nonce) }
    const described = { type, attributes, groups, enabled: true }
    const outcome = await this.devices.create(fleet, id, described, made.stored, claim)
    if (outcome.status === 'done') return shown(made)
    await this.tokens.giveBack(fleet, token)
    return outcome.status === 'exists' ? this.again(request, token, outcome.device) : REFUSED_DEVICE
  }

  /** Revokes the credential whose answer was lost, and creates another. */
  private async again(
    { fleet, device: id, nonce }: ProvisionRequest,
    token: ClaimToken,
    { claim, createdAt, enabled }: RegisteredDevice,
  ): Promise<ProvisionResponse> {
    const own = nonce !== undefined && claim?.nonce != null && (await isSecret(nonce, claim.nonce))
    if (!own || claim.token !== token.id || this.now() - createdAt > PROVISION_AGAIN_MS || !enabled)
      return REFUSED_DEVICE
    const made = await makeCredential(this.now(), null)
    const outcome = await this.devices.change(fleet, id, null, (device) => ({
      ...recordOf(device),
      credentials: [made.stored],
    }))
    return outcome.status === 'done' ? shown(made) : REFUSED_DEVICE
  }
}

function shown({ shown: { id, secret, notAfter } }: MadeCredential): ProvisionResponse {
  return { status: 'done', credential: { id, secret, notAfter } }
}
