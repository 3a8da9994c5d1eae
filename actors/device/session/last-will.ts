// The wills of a client: the will of its connection, stored until the connection ends, and the wills that are due. These are
// published in order. Each is stored until it is delivered or durable elsewhere.
import type { Will } from '../../../src/mqtt/packet.ts'
import { isFailure } from '../../../src/mqtt/reason.ts'
import { WILL_ASK_MS, WILL_CHECK_MS, WILLS_DUE_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Publisher } from './publisher.ts'
import type { WillStore } from './will-store.ts'

export class LastWill {
  private readonly platform: Platform
  private readonly wills: WillStore
  private readonly publisher: Publisher
  private readonly heard: () => Promise<void>
  /** Due wills that are on their way, by number. */
  private readonly underWay = new Set<number>()
  /** Since the actor's process began its client was here, or no other region is known to have it. */
  private here = false
  private asking = false

  /** @param heard resolves when the core has said whether another region has the client, and that has been performed, or says nothing for long */
  constructor(platform: Platform, wills: WillStore, publisher: Publisher, heard: () => Promise<void>) {
    this.platform = platform
    this.wills = wills
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
    if (delayMs === null) return
    if (delayMs === 0) this.becomeDue()
    else this.delay(this.platform.now() + delayMs)
  }

  /** The same of a connection that died with the process, which is back now. */
  diedWithProcess(expirySeconds: number): void {
    const delayMs = this.delayed(expirySeconds)
    if (delayMs === null) return
    const now = this.platform.now()
    this.wills.delay(now + delayMs)
    this.platform.wakeBy(now + Math.max(delayMs, WILL_CHECK_MS))
    if (delayMs === 0) this.platform.after(WILL_ASK_MS, () => this.publishIfDue(false))
  }

  /** @param sessionEnded then a delayed will waits no longer */
  publishIfDue(sessionEnded: boolean): void {
    const publishAt = this.wills.current()?.publishAt ?? null
    const isDue = publishAt !== null && (publishAt <= this.platform.now() || sessionEnded)
    if (publishAt !== null && !isDue) this.platform.wakeBy(publishAt)
    if (!isDue && this.waiting.length === 0) return
    if (!this.here) this.ask(sessionEnded)
    else if (isDue) this.becomeDue()
    else this.publish()
  }

  /** A client connects: a will that waits is void if its session goes on, and due if it does not. [MQTT-3.1.3-9] */
  clientReturned(resumed: boolean): void {
    this.here = true
    const stored = this.wills.current()
    const isDue = stored?.publishAt != null && stored.publishAt <= this.platform.now()
    if (stored === null) this.publish()
    else if (isDue || !resumed) this.becomeDue()
    else {
      this.wills.clear()
      this.publish()
    }
  }

  /** The client connects elsewhere, and its session ends here: a will that waits is due. [MQTT-3.1.2-8] */
  sessionEnded(): void {
    this.here = true
    if (this.wills.current() !== null) this.becomeDue()
  }

  /** The client goes on elsewhere: a will that waits is void. */
  goesOnElsewhere(): void {
    this.wills.clear()
    for (const number of this.waiting) this.wills.removeDue(number)
  }

  /** The will of a new connection. */
  set(will: Will): void {
    this.wills.save(will)
  }

  /** For how long the will is to wait; null if there is none, or it waits already. */
  private delayed(expirySeconds: number): number | null {
    const stored = this.wills.current()
    if (stored === null || stored.publishAt !== null) return null
    return Math.min(stored.will.delaySeconds, expirySeconds) * 1000
  }

  /**
   * The process was away, and the client may have gone on elsewhere meanwhile: a will of before would contradict what the
   * client has said since. If nobody can say, the will is published.
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

  /** The will of the connection takes its place behind those that are due. */
  private becomeDue(): void {
    const now = this.platform.now()
    const [oldest] = this.waiting
    if (this.wills.due().length >= WILLS_DUE_MAX && oldest !== undefined) this.wills.removeDue(oldest)
    this.wills.becomeDue(now)
    this.publish()
  }

  /** Numbers of the due wills that are not on their way. */
  private get waiting(): number[] {
    return this.wills.due().filter((number) => !this.underWay.has(number))
  }

  /** All at once: what the client publishes next must not overtake one of them. */
  private publish(): void {
    const numbers = this.waiting
    if (numbers.length === 0) return
    // Stored until it is delivered or durable elsewhere: should that fail or the process die, the alarm tries again.
    this.platform.wakeBy(this.platform.now() + WILL_CHECK_MS)
    for (const number of numbers) void this.publishOne(number)
  }

  private async publishOne(number: number): Promise<void> {
    const message = this.wills.dueMessage(number)
    if (message === null) return
    this.underWay.add(number)
    try {
      if (!isFailure(await this.publisher.publish(message))) this.wills.removeDue(number)
    } catch (cause) {
      this.platform.report('the will was not published', cause)
    } finally {
      this.underWay.delete(number)
    }
  }

  private delay(until: number): void {
    this.wills.delay(until)
    this.platform.wakeBy(until)
  }
}
