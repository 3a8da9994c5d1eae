// Who may connect as this device: the registry's last answer, stored here so that a returning device waits for no call. A client
// that the registry does not have, with a token, has no row.
import type { ClientId } from '../../../src/id/ids.ts'
import { isSecret, parseSecret } from '../../../src/id/secret.ts'
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import type { Access } from '../../../src/relay/access.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import { ACCESS_ASK_MS_MAX, ACCESS_ASK_MS_MIN, RESOLVE_PAUSE_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { ACCESS_ROWS } from '../schema.ts'

export class DeviceAccess {
  private readonly platform: Platform
  private readonly client: ClientId
  private stored: Access | null = null
  /** The newest version that the registry announced. An answer with an older one was asked for before the change. */
  private announcedVersion = 0
  private question: Promise<void> | null = null
  private askAgainAt = 0
  private askPauseMs = ACCESS_ASK_MS_MIN
  /** Until then the core counts as unreachable. */
  private unreachableUntil = 0

  constructor(platform: Platform, client: ClientId) {
    this.platform = platform
    this.client = client
    const [row] = platform.storage.rows(ACCESS_ROWS)
    if (row !== undefined) this.stored = JSON.parse(String(row.access)) as Access
  }

  /** Nobody may connect, not even with a token. */
  get disabled(): boolean {
    return this.stored?.enabled === false
  }

  /**
   * The credential that the secret belongs to, or the reason code of the refusal. Asks the core only about a credential that
   * is unknown here, and after wrong secrets with growing pauses: a guesser must not load the core.
   */
  async admit(secret: string): Promise<{ readonly credential: string } | ReasonCode> {
    const name = parseSecret(secret)
    if (name?.kind !== 'credential') return Reason.BadUserNameOrPassword
    const asked = !this.knows(name.id)
    if (asked) {
      const refused = await this.ask()
      if (refused !== null) return refused
    }
    if (this.disabled || this.stored?.revoked.includes(name.id) === true) return Reason.NotAuthorized
    const known = this.stored?.credentials.find(({ id }) => id === name.id)
    if (known === undefined || !(await isSecret(secret, known))) {
      if (asked) this.prolongPause()
      return Reason.BadUserNameOrPassword
    }
    this.askPauseMs = ACCESS_ASK_MS_MIN
    this.askAgainAt = 0
    return this.admits(name.id) ? { credential: name.id } : Reason.NotAuthorized
  }

  /** Whether a connection may stand. @param credential that admitted the connection; null for a token */
  admits(credential: string | null): boolean {
    if (this.disabled) return false
    if (credential === null) return true
    const until = this.endOf(credential)
    return until !== undefined && (until === null || until > this.platform.now())
  }

  /** When the credential ends, ms; null for never, undefined for an invalid one. */
  endOf(credential: string): number | null | undefined {
    return this.stored?.credentials.find(({ id }) => id === credential)?.notAfter
  }

  /** The registry announces a change. @param clock what the sender's clock said */
  changed(access: Access, clock: number): void {
    this.announcedVersion = Math.max(this.announcedVersion, access.version)
    // Store that a device is disabled before its next CONNECT: a token's check asks no registry. A secret's check asks the core.
    if (this.stored !== null || !access.enabled) this.learn(access, clock)
  }

  private learn(access: Access, clock: number): void {
    if (access.version < Math.max(this.announcedVersion, this.stored?.version ?? 0)) return
    const aheadMs = this.platform.now() - clock
    const credentials = access.credentials.map((one) => ({
      ...one,
      notAfter: one.notAfter === null ? null : one.notAfter + aheadMs,
    }))
    const learnt = { ...access, credentials }
    if (this.stored?.version === learnt.version) return
    this.stored = learnt
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO access (one, access) VALUES (1, ?)',
      JSON.stringify(learnt),
    )
  }

  private knows(credential: string): boolean {
    return (
      this.stored !== null &&
      (this.stored.revoked.includes(credential) ||
        this.stored.credentials.some(({ id }) => id === credential))
    )
  }

  /** Null once the core has answered, else the reason code of the refusal. */
  private async ask(): Promise<ReasonCode | null> {
    const now = this.platform.now()
    if (now < this.unreachableUntil) return Reason.ServerUnavailable
    // Not 0x86, which a device may take for final: the registry may have registered the device a moment ago.
    if (this.question === null && now < this.askAgainAt) return Reason.ConnectionRateExceeded
    this.question ??= this.askCore().finally(() => {
      this.question = null
    })
    try {
      await this.question
      return null
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) throw cause
      this.unreachableUntil = this.platform.now() + RESOLVE_PAUSE_MS
      return Reason.ServerUnavailable
    }
  }

  private async askCore(): Promise<void> {
    const { core, fleet, region } = this.platform
    const { access, clock } = await core.access({ fleet, client: this.client, region })
    if (access !== null) this.learn(access, clock)
  }

  private prolongPause(): void {
    const now = this.platform.now()
    if (now < this.askAgainAt) return
    this.askAgainAt = now + this.askPauseMs
    this.askPauseMs = Math.min(this.askPauseMs * 2, ACCESS_ASK_MS_MAX)
  }
}
