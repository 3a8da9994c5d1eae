// Samples of what the contract says of the registry.
import type { Sample } from './samples.ts'

const credential = { id: '00ff00ff00ff00ff', salt: 'ab', hash: 'cd', notAfter: null }
const access = { version: 1_700_000_000_000, enabled: true, credentials: [credential], revoked: ['0a'] }
const accessWrong = {
  version: -1,
  enabled: 'yes',
  'credentials.0.id': 5,
  'credentials.0.salt': null,
  'credentials.0.hash': null,
  'credentials.0.notAfter': 'never',
  'revoked.0': 7,
}
const device = { fleet: 'default', client: 'lamp' }
const deviceWrong = { fleet: '', client: 'a/b' }
const within = Object.fromEntries(
  Object.entries(accessWrong).map(([path, value]) => [`access.${path}`, value]),
)

export const REGISTRY_SAMPLES: Readonly<Record<string, Sample>> = {
  clientSchema: { valid: 'lamp', wrong: { '': 'a/b' } },
  accessSchema: { valid: access, wrong: accessWrong },
  accessRequestSchema: { valid: { ...device, region: 'eu' }, wrong: { ...deviceWrong, region: '1' } },
  accessResponseSchema: { valid: { clock: 1, access }, wrong: { clock: 'now', ...within } },
  changedAccessRequestSchema: {
    valid: { ...device, clock: 1, access },
    wrong: { ...deviceWrong, clock: null, access: null, ...within },
  },
  provisionRequestSchema: {
    valid: { fleet: 'default', device: 'lamp', claimToken: 'slc_1', nonce: 'sixteen letters!' },
    wrong: { fleet: '', device: '#', claimToken: '', nonce: 'short' },
  },
  provisionResponseSchema: {
    valid: { status: 'done', credential: { id: '1', secret: 'slk_1', notAfter: null } },
    wrong: { status: 'well', 'credential.id': 1, 'credential.secret': null, 'credential.notAfter': '1' },
  },
}
