// The wills of a client: the will of its connection, stored until the connection ends, and the wills that are due. These are
// published in order. Each is stored until every receiver has it or a durable place does.
import type { Will } from '../../../src/mqtt/packet.ts'
import { isFailure } from '../../../src/mqtt/reason.ts'
import { WILL_ASK_MS, WILL_CHECK_MS, WILLS_DUE_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Publisher } from './publisher.ts'
import { WillStore } from './will-store.ts'

export class LastWill {
  private readonly platform: Platform
  private readonly wills: WillStore
  private readonly publisher: Publisher
  private readonly confirmHome: () => Promise<void>
  /** Due wills whose publish has no outcome, by number. */
  private readonly underWay = new Set<number>()
  /** Since this process began, the client was connected here or the core was asked whether another region has the client. */
  private confirmed = false
  private asking = false

  /** @param confirmHome asks the core whether another region has the client; then a hand-over is performed. Bounded in time */
  constructor(platform: Platform, publisher: Publisher, confirmHome: () => Promise<void>) {
    this.platform = platform
    this.wills = new WillStore(platform.storage)
    this.publisher = publisher
    this.confirmHome = confirmHome
  }

  /**
   * The connection has ended. A will that is in storage was not discarded by a DISCONNECT. [MQTT-3.1.2-8]
   * @param expirySeconds of the session; the will is not delayed beyond it [MQTT-3.1.2-8]
   */
  connectionEnded(expirySeconds: number): void {
    this.confirmed = true
    const delayMs = this.delayed(expirySeconds)
    if (delayMs === null) return
    if (delayMs === 0) this.becomeDue()
    else this.delay(this.platform.now() + delayMs)
  }

  /** The connection ended with the process, which has begun again. */
  diedWithProcess(expirySeconds: number): void {
    const delayMs = this.delayed(expirySeconds)
    if (delayMs === null) return
    const now = this.platform.now()
    this.wills.delay(now + delayMs)
    this.platform.wakeBy(now + Math.max(delayMs, WILL_CHECK_MS))
    if (delayMs === 0) this.platform.after(WILL_ASK_MS, () => this.publishIfDue(false))
  }

  /** @param sessionEnded a delayed will does not wait beyond its session */
  publishIfDue(sessionEnded: boolean): void {
    const publishAt = this.wills.current()?.publishAt ?? null
    const isDue = publishAt !== null && (publishAt <= this.platform.now() || sessionEnded)
    if (publishAt !== null && !isDue) this.platform.wakeBy(publishAt)
    if (!isDue && this.waiting.length === 0) return
    if (!this.confirmed) this.ask(sessionEnded)
    else if (isDue) this.becomeDue()
    else this.publish()
  }

  /** A client connects. A delayed will is deleted if the session is resumed, and published if not. [MQTT-3.1.3-9] */
  clientReturned(resumed: boolean): void {
    this.confirmed = true
    const stored = this.wills.current()
    const isDue = stored?.publishAt != null && stored.publishAt <= this.platform.now()
    if (stored === null) this.publish()
    else if (isDue || !resumed) this.becomeDue()
    else {
      this.wills.clear()
      this.publish()
    }
  }

  /** The client begins a new session in another region: a delayed will is due. [MQTT-3.1.2-8] */
  sessionEnded(): void {
    this.confirmed = true
    if (this.wills.current() !== null) this.becomeDue()
  }

  /** The client has sent DISCONNECT: deletes the will of its connection. [MQTT-3.14.4-3] */
  discard(): void {
    this.wills.clear()
  }

  /** The client continues its session in another region: deletes each will whose publish has not begun. */
  discardUnpublished(): void {
    this.wills.clear()
    for (const number of this.waiting) this.wills.removeDue(number)
  }

  /** Whether the connection, or the last one, has a will. */
  get exists(): boolean {
    return this.wills.current() !== null
  }

  /** The will of a new connection. */
  set(will: Will): void {
    this.wills.save(will)
  }

  /** The will's delay, ms; null if there is no will, or its delay has begun. */
  private delayed(expirySeconds: number): number | null {
    const stored = this.wills.current()
    if (stored === null || stored.publishAt !== null) return null
    return Math.min(stored.will.delaySeconds, expirySeconds) * 1000
  }

  /**
   * The process has begun again. Meanwhile the client may have connected in another region and published there: an older will
   * would contradict those messages. If the core does not answer, the will is published.
   */
  private ask(sessionEnded: boolean): void {
    if (this.asking) return
    this.asking = true
    void this.confirmHome().then(() => {
      this.asking = false
      this.confirmed = true
      this.publishIfDue(sessionEnded)
    })
  }

  /** The will of the connection is due, after the wills that are due already. */
  private becomeDue(): void {
    const now = this.platform.now()
    const [oldest] = this.waiting
    if (this.wills.due().length >= WILLS_DUE_MAX && oldest !== undefined) this.wills.removeDue(oldest)
    this.wills.becomeDue(now)
    this.publish()
  }

  /** Numbers of the due wills whose publish has not begun. */
  private get waiting(): number[] {
    return this.wills.due().filter((number) => !this.underWay.has(number))
  }

  /** All at once: the client's next publish must not overtake one of them. */
  private publish(): void {
    const numbers = this.waiting
    if (numbers.length === 0) return
    // If a publish fails or the process dies, the alarm retries.
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
