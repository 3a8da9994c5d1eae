// The will of a client: kept in storage while its connection stands, published when that ends without a farewell.
import type { Will } from '../../src/mqtt/packet.ts'
import { isFailure } from '../../src/mqtt/reason.ts'
import { atMost } from '../eventually.ts'
import { RESOLVE_WAIT_MS, WILL_ASK_MS, WILL_CHECK_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { Publisher } from './publisher.ts'
import type { SessionStore } from './session-store.ts'

export class LastWill {
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly publisher: Publisher
  /** Counts the wills, so that a newer one is not taken for the one being published. */
  private generation = 0
  private publishing = false
  /** It is due, unless its client has gone on elsewhere. */
  private unsure = false
  private readonly heard: () => Promise<void>

  /** @param heard resolves when the core has said whether another region has the client, and that has been performed */
  constructor(platform: Platform, store: SessionStore, publisher: Publisher, heard: () => Promise<void>) {
    this.platform = platform
    this.store = store
    this.publisher = publisher
    this.heard = heard
  }

  /**
   * The connection died with the process, which is back now. Where that took long, the client may have gone on elsewhere: a will
   * of before would contradict what it says since. What it says here comes after it.
   */
  diedWithProcess(expirySeconds: number): void {
    const kept = this.store.will()
    if (kept === null || kept.publishAt !== null) return
    const delaySeconds = Math.min(kept.will.delaySeconds, expirySeconds)
    this.unsure = delaySeconds === 0
    this.delay(this.platform.now() + (this.unsure ? WILL_CHECK_MS : delaySeconds * 1000))
    if (!this.unsure) return
    this.platform.after(WILL_ASK_MS, () => {
      if (this.unsure)
        void atMost(this.platform, RESOLVE_WAIT_MS, this.heard()).then(() => this.publishUnsure())
    })
  }

  /**
   * The connection ended without the client's farewell. [MQTT-3.1.2-8]
   * @param expirySeconds how long the session goes on; the will is not delayed beyond it [MQTT-3.1.2-8]
   */
  connectionEnded(expirySeconds: number): void {
    const kept = this.store.will()
    if (kept === null || kept.publishAt !== null) return
    const delaySeconds = Math.min(kept.will.delaySeconds, expirySeconds)
    if (delaySeconds === 0) {
      this.publish()
    } else {
      this.delay(this.platform.now() + delaySeconds * 1000)
    }
  }

  /** @param sessionEnded then a delayed will waits no longer */
  publishIfDue(sessionEnded: boolean): void {
    const publishAt = this.store.will()?.publishAt
    if (publishAt == null || this.unsure) return
    if (publishAt <= this.platform.now() || sessionEnded) this.publish()
    else this.platform.wakeBy(publishAt)
  }

  /** A client connects: a will that waits is void if its session goes on, and due if it does not. [MQTT-3.1.3-9] */
  clientReturned(resumed: boolean): void {
    if (this.unsure) this.publishUnsure()
    if (this.publishing || this.store.will() === null) return
    if (resumed) this.store.clearWill()
    else this.publish()
  }

  /** The client goes on elsewhere: a will that waits is void. */
  goesOnElsewhere(): void {
    this.unsure = false
    if (!this.publishing) this.store.clearWill()
  }

  /** The will of a new connection. */
  set(will: Will): void {
    this.generation++
    this.store.saveWill(will)
  }

  private publishUnsure(): void {
    if (!this.unsure) return
    this.unsure = false
    this.publish()
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
