// From a home to the WideActor that knows the wide filters of its root: messages, unless none can match, and whether
// there are retained ones.
import type { ClientId, Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { encodeRouted } from '../../src/relay/routed.ts'
import { Courier } from '../courier.ts'
import { RETAINS_RETRY_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { Tables } from '../tables.ts'

export class WideLink {
  private readonly platform: Platform
  private readonly root: Root
  private readonly tables: Tables
  private readonly retains: () => boolean
  private readonly courier: Courier
  private skipUntil = 0
  /** The WideActor has this root among those with retained messages. In storage, so that it cannot be forgotten. */
  private indexed: boolean
  private telling: Promise<void> = Promise.resolve()

  /** @param retains whether the home is here and has retained messages */
  constructor(platform: Platform, root: Root, tables: Tables, retains: () => boolean) {
    this.platform = platform
    this.root = root
    this.tables = tables
    this.retains = retains
    this.indexed = tables.exist && platform.storage.exec('SELECT 1 FROM indexed').length > 0
    this.courier = new Courier(platform, {
      call: async (batch) => {
        const calledAt = platform.now()
        const { outcomes, skipMs } = await platform.peers.wide(root).publish(root, batch)
        if (skipMs > 0) this.skipUntil = Math.max(this.skipUntil, calledAt + skipMs)
        return outcomes
      },
      failed: (records, cause) => {
        platform.report(`the wide filters for ${root} do not answer`, cause)
        return records.map(() => Reason.UnspecifiedError)
      },
    })
  }

  /** The message's outcome with those who have wide filters; null where it is known that none can match. */
  pass(publisher: ClientId, record: Uint8Array): Promise<number> | null {
    if (this.platform.now() < this.skipUntil) return null
    return this.courier.post(encodeRouted(publisher, record))
  }

  /** Resolves when the WideActor knows that there are retained messages; that there are none any more, it may learn late. */
  index(): Promise<number> {
    if (this.retains() === this.indexed) return Promise.resolve(Reason.Success)
    const told = this.tell().then(
      () => Reason.Success,
      (cause) => {
        this.platform.report(`the retained messages of ${this.root} are not known to wide filters`, cause)
        this.platform.wakeBy(this.platform.now() + RETAINS_RETRY_MS)
        return Reason.UnspecifiedError
      },
    )
    return this.retains() ? told : Promise.resolve(Reason.Success)
  }

  /** The process may have died between a retained message and its mark: then this is made good soon. */
  repair(): void {
    if (this.retains() && !this.indexed) this.platform.wakeBy(this.platform.now() + RETAINS_RETRY_MS)
  }

  private tell(): Promise<void> {
    const before = this.telling.catch(() => undefined)
    this.telling = before.then(async () => {
      const any = this.retains()
      if (any === this.indexed) return
      // Should the process die between: a root too many in the index costs a call, one too few would be a loss.
      if (!any) this.mark(false)
      await this.platform.peers.wide(this.root).retains(this.root, any)
      if (any) this.mark(true)
    })
    return this.telling
  }

  private mark(indexed: boolean): void {
    this.tables.make()
    this.platform.storage.exec(
      indexed ? 'INSERT OR REPLACE INTO indexed (one) VALUES (1)' : 'DELETE FROM indexed',
    )
    this.indexed = indexed
  }
}
