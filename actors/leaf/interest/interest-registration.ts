// This region's interest in a root whose home is elsewhere, as it is registered at the home: without it the home sends
// nothing here.
import type { Root } from '../../../src/id/ids.ts'
import type { RegionInterest } from '../../../src/relay/home.ts'
import type { InterestResponse } from '../../../src/relay/interest.ts'
import { recordByOurClock } from '../../calls/other-clock.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import type { Platform } from '../../platform.ts'
import type { Subscribers } from '../delivery/subscribers.ts'
import type { Home } from '../home/home.ts'
import type { PageAsked, Retained, RetainedPage } from '../stages/retained.ts'

export class InterestRegistration {
  private readonly platform: Platform
  private readonly root: Root
  private readonly subscribers: Subscribers
  private readonly home: Home
  private readonly retained: Retained
  private calls: Promise<void> = Promise.resolve()
  private withdrawn: Promise<void> = Promise.resolve()
  private withdrawing = false
  private adding: Promise<unknown> = Promise.resolve()
  /** The next call, which has not begun. */
  private next: { readonly wanted: Set<string>; readonly retained: Promise<RetainedPage> } | null = null
  private order = 0

  constructor(platform: Platform, root: Root, subscribers: Subscribers, home: Home, retained: Retained) {
    this.platform = platform
    this.root = root
    this.subscribers = subscribers
    this.home = home
    this.retained = retained
  }

  get current(): RegionInterest {
    const { anyPlain, shares } = this.subscribers
    return { region: this.platform.region, plain: anyPlain, shares: [...shares.keys()] }
  }

  /**
   * Resolves when every message that the home accepts from then on comes here, with the first page of the retained messages that
   * match these filters or those of others in the same call.
   */
  add(filters: readonly string[]): Promise<RetainedPage> {
    // One call at a time: those that subscribe while it is under way share the next one, however many they are.
    let round = this.next
    if (round === null) {
      const wanted = new Set<string>()
      const retained = this.adding
        .catch(() => undefined)
        .then(() => {
          this.next = null
          return this.ask('add', [...wanted])
        })
      retained.catch((cause) =>
        this.platform.report(`subscriptions to ${this.root} are refused: the home was not reached`, cause),
      )
      round = { wanted, retained }
      this.next = round
      this.adding = retained
    }
    for (const filter of filters) round.wanted.add(filter)
    return round.retained
  }

  private get firstPage(): PageAsked {
    return { after: '', bytesMax: this.platform.settings.pageBytesMax }
  }

  /** A page of the home's retained messages that match. Rejects with `CoreUnreachable`. */
  retainedPage(filters: readonly string[], page: PageAsked): Promise<RetainedPage> {
    return this.ask('add', filters, page)
  }

  /** Another region has become the home and may not know of this region's subscribers. */
  async renew(): Promise<void> {
    if (this.subscribers.size > 0) await this.add([])
  }

  /** A subscriber has gone. If the home does not learn of it, its next message makes the leaf withdraw again. */
  withdraw(): void {
    if (this.withdrawing) return
    this.withdrawing = true
    this.ask('only', [])
      .catch((cause) => this.platform.report(`the interest in ${this.root} was not withdrawn`, cause))
      .finally(() => {
        this.withdrawing = false
      })
  }

  /** Requests run side by side, but none overtakes a withdrawal, and no withdrawal overtakes one of them. */
  private ask(
    change: 'add' | 'only',
    filters: readonly string[],
    page = this.firstPage,
  ): Promise<RetainedPage> {
    const before = change === 'add' ? this.withdrawn : this.calls
    const asked = before.then(async () => {
      const { platform, root } = this
      const { home, retained, clock, next = null } = await this.send(change, filters, page)
      if (home.region === platform.region) {
        // This region became the home without this leaf: another region had released the topic's root.
        const { at } = await this.home.verify()
        if (at !== 'here') throw new CoreUnreachable(`the home of ${root} is moving`)
        return this.retained.page(filters, platform.now(), page)
      }
      const now = platform.now()
      const records = retained.map(({ topic, record }) => ({
        topic,
        record: recordByOurClock(record, clock, now),
      }))
      return { retained: records, next }
    })
    const settled = asked.then(
      () => undefined,
      () => undefined,
    )
    this.calls = Promise.all([this.calls, settled]).then(() => undefined)
    if (change === 'only') this.withdrawn = settled
    return asked
  }

  private async send(
    change: 'add' | 'only',
    filters: readonly string[],
    page: PageAsked,
  ): Promise<InterestResponse> {
    const ask = (order: number) =>
      this.platform.core.interest({
        ...this.current,
        ...this.home.asking,
        change,
        order,
        filters: [...filters],
        page,
      })
    const order = this.nextOrder()
    const answer = await ask(order)
    if (answer.order <= order) return answer
    // The clock was set back before a restart. The home has added the interest all the same, but withdrew nothing.
    this.order = answer.order
    return change === 'add' ? answer : ask(this.nextOrder())
  }

  /** At least the clock, so that the order also grows across restarts, unless the clock is set back. */
  private nextOrder(): number {
    this.order = Math.max(this.order + 1, this.platform.now())
    return this.order
  }
}
