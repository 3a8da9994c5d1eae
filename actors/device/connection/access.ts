// Who may connect as this device: what the registry said of it last, kept in the actor's own storage, so that coming back
// asks nobody. Nothing is kept of a client that comes with a token and that the registry has never spoken of.
import type { ClientId } from '../../../src/id/ids.ts'
import { isSecret, parseSecret } from '../../../src/id/secret.ts'
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import type { Access } from '../../../src/relay/access.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import { ACCESS_ASK_MS_MAX, ACCESS_ASK_MS_MIN, RESOLVE_PAUSE_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'

export class DeviceAccess {
  private readonly platform: Platform
  private readonly client: ClientId
  private kept: Access | null = null
  /** The newest that a region was told of; an answer that was asked for before it is older. */
  private toldVersion = 0
  private asking: Promise<void> | null = null
  private askAgainAt = 0
  private askPauseMs = ACCESS_ASK_MS_MIN
  private refusedUntil = 0

  constructor(platform: Platform, client: ClientId) {
    this.platform = platform
    this.client = client
    const [row] = platform.storage.exec('SELECT access FROM access')
    if (row !== undefined) this.kept = JSON.parse(String(row.access)) as Access
  }

  /** Nobody may connect, by a token neither. */
  get disabled(): boolean {
    return this.kept?.enabled === false
  }

  /**
   * The credential that the secret is, or why it lets nobody in. Asks the core only where this actor has never heard of that
   * credential, and then not more often than every so often, however many secrets are tried.
   */
  async admit(secret: string): Promise<{ readonly credential: string } | ReasonCode> {
    const name = parseSecret(secret)
    if (name?.kind !== 'credential') return Reason.BadUserNameOrPassword
    const asked = !this.knows(name.id)
    if (asked) {
      const refused = await this.ask()
      if (refused !== null) return refused
    }
    if (this.disabled || this.kept?.revoked.includes(name.id) === true) return Reason.NotAuthorized
    const known = this.kept?.credentials.find(({ id }) => id === name.id)
    if (known === undefined || !(await isSecret(secret, known))) {
      if (asked) this.askedInVain()
      return Reason.BadUserNameOrPassword
    }
    this.askPauseMs = ACCESS_ASK_MS_MIN
    this.askAgainAt = 0
    return this.admits(name.id) ? { credential: name.id } : Reason.NotAuthorized
  }

  /** Whether a connection may stand. @param credential by which it was let in; null for a token */
  admits(credential: string | null): boolean {
    if (this.disabled) return false
    if (credential === null) return true
    const until = this.endOf(credential)
    return until !== undefined && (until === null || until > this.platform.now())
  }

  /** When the credential ends; null for never, undefined for one that is good no more. */
  endOf(credential: string): number | null | undefined {
    return this.kept?.credentials.find(({ id }) => id === credential)?.notAfter
  }

  /**
   * The registry has changed it.
   * @param clock what the sender's clock said
   */
  told(access: Access, clock: number): void {
    this.toldVersion = Math.max(this.toldVersion, access.version)
    // What bars a token must be known here before a client comes; what lets one in can be asked for then.
    if (this.kept !== null || !access.enabled) this.learn(access, clock)
  }

  private learn(access: Access, clock: number): void {
    if (access.version < Math.max(this.toldVersion, this.kept?.version ?? 0)) return
    const aheadMs = this.platform.now() - clock
    const credentials = access.credentials.map((one) => ({
      ...one,
      notAfter: one.notAfter === null ? null : one.notAfter + aheadMs,
    }))
    const kept = { ...access, credentials }
    if (this.kept?.version === kept.version) return
    this.kept = kept
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO access (one, access) VALUES (1, ?)',
      JSON.stringify(kept),
    )
  }

  private knows(credential: string): boolean {
    return (
      this.kept !== null &&
      (this.kept.revoked.includes(credential) || this.kept.credentials.some(({ id }) => id === credential))
    )
  }

  /** Null when the core has been asked. */
  private async ask(): Promise<ReasonCode | null> {
    const now = this.platform.now()
    if (now < this.refusedUntil) return Reason.ServerUnavailable
    // Not 0x86, which a device may take for final: it may have been registered this very moment.
    if (this.asking === null && now < this.askAgainAt) return Reason.ConnectionRateExceeded
    this.asking ??= this.askCore().finally(() => {
      this.asking = null
    })
    try {
      await this.asking
      return null
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) throw cause
      this.refusedUntil = this.platform.now() + RESOLVE_PAUSE_MS
      return Reason.ServerUnavailable
    }
  }

  private async askCore(): Promise<void> {
    const { core, fleet, region } = this.platform
    const { access, clock } = await core.access({ fleet, client: this.client, region })
    if (access !== null) this.learn(access, clock)
  }

  private askedInVain(): void {
    const now = this.platform.now()
    if (now < this.askAgainAt) return
    this.askAgainAt = now + this.askPauseMs
    this.askPauseMs = Math.min(this.askPauseMs * 2, ACCESS_ASK_MS_MAX)
  }
}
