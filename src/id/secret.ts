// A device's secret, and the token by which one is claimed: random, recognisable by their beginning, stored as salted hashes.

export type SecretKind = 'credential' | 'claim'

/** A JWT begins with `eyJ`; these are found by a scanner for secrets that leaked. */
const PREFIX = { credential: 'slk', claim: 'slc' } as const satisfies Record<SecretKind, string>

const ID_BYTES = 8
const SECRET_BYTES = 32
const SALT_BYTES = 16

export interface SecretName {
  readonly kind: SecretKind
  /** Names the credential or the claim token; no secret. */
  readonly id: string
}

/** `slk_<id>_<256 random bits>`: shown once. */
export function newSecret(kind: SecretKind): SecretName & { readonly secret: string } {
  const id = hex(crypto.getRandomValues(new Uint8Array(ID_BYTES)))
  const bits = crypto.getRandomValues(new Uint8Array(SECRET_BYTES))
  return { kind, id, secret: `${PREFIX[kind]}_${id}_${base64Url(bits)}` }
}

/** The parts of a secret; null for any other text, such as a JWT. */
export function parseSecret(text: string): SecretName | null {
  const parts = /^(slk|slc)_([0-9a-f]{16})_[\w-]{43}$/.exec(text)
  if (parts === null) return null
  return { kind: parts[1] === PREFIX.credential ? 'credential' : 'claim', id: parts[2] ?? '' }
}

export interface SecretHash {
  /** Hexadecimal. */
  readonly salt: string
  readonly hash: string
}

/**
 * One round of HMAC-SHA-256. A slow hash protects passwords that can be guessed; nobody guesses 256 random bits, so the check
 * may be fast.
 */
export async function hashSecret(secret: string): Promise<SecretHash> {
  const salt = hex(crypto.getRandomValues(new Uint8Array(SALT_BYTES)))
  return { salt, hash: await hashWith(secret, salt) }
}

export async function isSecret(secret: string, { salt, hash }: SecretHash): Promise<boolean> {
  const given = await hashWith(secret, salt)
  let different = given.length ^ hash.length
  for (let i = 0; i < given.length; i++) different |= given.charCodeAt(i) ^ hash.charCodeAt(i)
  return different === 0
}

async function hashWith(secret: string, salt: string): Promise<string> {
  const text = new TextEncoder()
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', text.encode(salt), algorithm, false, ['sign'])
  return hex(new Uint8Array(await crypto.subtle.sign('HMAC', key, text.encode(secret))))
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}
