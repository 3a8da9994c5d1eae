// The will of a client: kept in storage while its connection stands, published when that ends without a farewell.
import type { Will } from '../../../src/mqtt/packet.ts'
import { isFailure } from '../../../src/mqtt/reason.ts'
import { WILL_ASK_MS, WILL_CHECK_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Publisher } from './publisher.ts'
import type { SessionStore } from './session-store.ts'

export class LastWill {
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly publisher: Publisher
  private readonly heard: () => Promise<void>
  /** Counts the wills, so that a newer one is not taken for the one being published. */
  private generation = 0
  private publishing = false
  /** Since the actor's process began its client was here, or no other region is known to have it. */
  private here = false
  private asking = false

  /** @param heard resolves when the core has said whether another region has the client, and that has been performed, or says nothing for long */
  constructor(platform: Platform, store: SessionStore, publisher: Publisher, heard: () => Promise<void>) {
    this.platform = platform
    this.store = store
    this.publisher = publisher
    this.heard = heard
  }

  /**
   * The connection ended without the client's farewell. [MQTT-3.1.2-8]
   * @param expirySeconds how long the session goes on; the will is not delayed beyond it [MQTT-3.1.2-8]
   */
  connectionEnded(expirySeconds: number): void {
    this.here = true
    const delayMs = this.delayed(expirySeconds)
    if (delayMs === 0) this.publish()
    else if (delayMs !== null) this.delay(this.platform.now() + delayMs)
  }

  /** The same of a connection that died with the process, which is back now. */
  diedWithProcess(expirySeconds: number): void {
    const delayMs = this.delayed(expirySeconds)
    if (delayMs === null) return
    const now = this.platform.now()
    this.store.delayWill(now + delayMs)
    this.platform.wakeBy(now + Math.max(delayMs, WILL_CHECK_MS))
    if (delayMs === 0) this.platform.after(WILL_ASK_MS, () => this.publishIfDue(false))
  }

  /** @param sessionEnded then a delayed will waits no longer */
  publishIfDue(sessionEnded: boolean): void {
    const publishAt = this.store.will()?.publishAt
    if (publishAt == null) return
    if (publishAt > this.platform.now() && !sessionEnded) this.platform.wakeBy(publishAt)
    else if (this.here) this.publish()
    else this.ask(sessionEnded)
  }

  /** A client connects: a will that waits is void if its session goes on, and due if it does not. [MQTT-3.1.3-9] */
  clientReturned(resumed: boolean): void {
    this.here = true
    const kept = this.store.will()
    if (this.publishing || kept === null) return
    const due = kept.publishAt !== null && kept.publishAt <= this.platform.now()
    if (due || !resumed) this.publish()
    else this.store.clearWill()
  }

  /** The client goes on elsewhere: a will that waits is void. */
  goesOnElsewhere(): void {
    if (!this.publishing) this.store.clearWill()
  }

  /** The will of a new connection. */
  set(will: Will): void {
    this.generation++
    this.store.saveWill(will)
  }

  /** For how long it is to wait; null where there is none, or it waits already. */
  private delayed(expirySeconds: number): number | null {
    const kept = this.store.will()
    if (kept === null || kept.publishAt !== null) return null
    return Math.min(kept.will.delaySeconds, expirySeconds) * 1000
  }

  /**
   * The process was away, and the client may have gone on elsewhere meanwhile: a will of before would contradict what it has
   * said since. Where nobody can say, it is published.
   */
  private ask(sessionEnded: boolean): void {
    if (this.asking) return
    this.asking = true
    void this.heard().then(() => {
      this.asking = false
      this.here = true
      this.publishIfDue(sessionEnded)
    })
  }

  private publish(): void {
    const kept = this.store.will()
    if (kept === null || this.publishing) return
    const { message, expirySeconds } = kept.will
    const { generation } = this
    const now = this.platform.now()
    this.publishing = true
    // Kept until it is delivered or durable elsewhere, and tried again should that fail or the process die.
    this.delay(now + WILL_CHECK_MS)
    this.publisher
      .publish({ ...message, expiresAt: expirySeconds === null ? 0 : now + expirySeconds * 1000 })
      .then((reason) => {
        if (!isFailure(reason) && generation === this.generation) this.store.clearWill()
      })
      .catch((cause) => this.platform.report('the will was not published', cause))
      .finally(() => {
        this.publishing = false
      })
  }

  private delay(until: number): void {
    this.store.delayWill(until)
    this.platform.wakeBy(until)
  }
}
