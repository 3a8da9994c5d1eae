// Claim tokens: the holder of one may register a bounded number of devices, which get the token's group, type and attributes.
import { z } from 'zod'
import type { FleetId } from '../../src/id/ids.ts'
import { hashSecret, isSecret, newSecret, parseSecret } from '../../src/id/secret.ts'
import type { Entry, Index, IndexCursor, RegistryStore } from '../store/registry-port.ts'

const claimTokenSchema = z.object({
  description: z.string(),
  salt: z.string(),
  hash: z.string(),
  createdAt: z.number(),
  /** When it ends, ms; null for never. */
  notAfter: z.number().nullable(),
  /** How many more devices it may register; null for any number, which is not counted. */
  usesLeft: z.number().nullable(),
  revoked: z.boolean(),
  /** The description that its devices get. */
  type: z.string().nullable(),
  attributes: z.record(z.string(), z.string()),
  groups: z.array(z.string()),
})
type ClaimTokenRecord = z.infer<typeof claimTokenSchema>

export interface ClaimToken extends ClaimTokenRecord {
  readonly id: string
}

export type NewClaimToken = Pick<
  ClaimTokenRecord,
  'description' | 'notAfter' | 'usesLeft' | 'type' | 'attributes' | 'groups'
>

const CLAIM_TOKENS: Index = { name: 'claim-tokens', buckets: 1 }

export class ClaimTokens {
  private readonly store: RegistryStore
  private readonly now: () => number

  constructor(store: RegistryStore, now: () => number) {
    this.store = store
    this.now = now
  }

  /** The token's text is returned this once. */
  async create(
    fleet: FleetId,
    described: NewClaimToken,
  ): Promise<{ readonly token: ClaimToken; readonly secret: string }> {
    const { id, secret } = newSecret('claim')
    const record: ClaimTokenRecord = {
      ...described,
      ...(await hashSecret(secret)),
      createdAt: this.now(),
      revoked: false,
    }
    await this.write(fleet, id, 'absent', () => record)
    return { token: { ...record, id }, secret }
  }

  async get(fleet: FleetId, id: string): Promise<ClaimToken | null> {
    return tokenOf(id, await this.store.entry(keyOf(fleet, id)))
  }

  async list(fleet: FleetId, after: IndexCursor | null, limit: number) {
    const page = await this.store.indexed({ fleet, index: CLAIM_TOKENS, prefix: '', after, limit })
    const tokens = await Promise.all(page.rows.map(({ entry }) => this.get(fleet, entry)))
    return { tokens: tokens.filter((token) => token !== null), next: page.next }
  }

  /** Revokes a token; devices that it has registered stay. False if there is no such token. */
  async revoke(fleet: FleetId, id: string): Promise<boolean> {
    return this.write(fleet, id, 'read', (token) => (token === null ? null : { ...token, revoked: true }))
  }

  /** The token with this text, even if it is used up; null if there is none, or if it has expired or was revoked. */
  async known(fleet: FleetId, text: string): Promise<ClaimToken | null> {
    const name = parseSecret(text)
    if (name?.kind !== 'claim') return null
    const token = await this.get(fleet, name.id)
    if (token === null || this.isOver(token) || !(await isSecret(text, token))) return null
    return token
  }

  /** Takes one use. False if none is left: concurrent requests never exceed the limit. */
  async use(fleet: FleetId, { id, usesLeft }: ClaimToken): Promise<boolean> {
    if (usesLeft === null) return true
    return this.write(fleet, id, 'read', (token) =>
      token === null || this.isOver(token) || (token.usesLeft ?? 0) <= 0
        ? null
        : { ...token, usesLeft: (token.usesLeft ?? 0) - 1 },
    )
  }

  /** Gives a use back that registered nothing. A crash before this call loses one use. */
  async giveBack(fleet: FleetId, { id, usesLeft }: ClaimToken): Promise<void> {
    if (usesLeft === null) return
    await this.write(fleet, id, 'read', (token) =>
      token?.usesLeft == null ? null : { ...token, usesLeft: token.usesLeft + 1 },
    )
  }

  private isOver({ revoked, notAfter }: ClaimTokenRecord): boolean {
    return revoked || (notAfter !== null && notAfter <= this.now())
  }

  /** @returns whether it was written */
  private write(
    fleet: FleetId,
    id: string,
    start: 'absent' | 'read',
    next: (token: ClaimTokenRecord | null) => ClaimTokenRecord | null,
  ): Promise<boolean> {
    return this.store.change(keyOf(fleet, id), start, (former) => {
      const record = next(recordOf(former))
      if (record === null) return { result: false, write: null }
      const indexed = [{ index: CLAIM_TOKENS, entry: id }]
      return {
        result: true,
        write: { body: JSON.stringify(record), indexed, unindexed: [], notify: [] },
      }
    })
  }
}

function keyOf(fleet: FleetId, id: string) {
  return { fleet, kind: 'claim-token' as const, id }
}

function recordOf(entry: Entry | null): ClaimTokenRecord | null {
  return entry?.body == null ? null : claimTokenSchema.parse(JSON.parse(entry.body))
}

function tokenOf(id: string, entry: Entry | null): ClaimToken | null {
  const record = recordOf(entry)
  return record === null ? null : { id, ...record }
}
