// A root's home as its leaf sees it: asks the directory, claims the home, imports from former homes, and performs what the pure
// step in `home-state.ts` decides.
import type { RegionId, Root } from '../../../src/id/ids.ts'
import type { HomeKnown } from '../../../src/relay/home.ts'
import { FIRST_EPOCH, type HomeAnswer, type Moved } from '../../../src/relay/home-answer.ts'
import { waitAtMost, waitUntil } from '../../calls/waits.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import {
  COMPLETING_WAIT_MS,
  FAIL_OVER_REGISTER_MS,
  IMPORT_RETRY_MS,
  IMPORT_RETRY_MS_MAX,
  REMAINDER_WAIT_MS_MAX,
  RESOLVE_PAUSE_MS,
  RESOLVE_WAIT_MS,
} from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { StagedState } from '../handover/staged-state.ts'
import { claimInPages } from './claim-pages.ts'
import type { HomeEvents } from './home-events.ts'
import { type HomeHere, type HomeKnowledge, knowledgeOf } from './home-knowledge.ts'
import { readHome, writeHome } from './home-row.ts'
import {
  type HomeEffect,
  type HomeEvent,
  type HomeState,
  isHome,
  isImporting,
  isTaken,
  type KnownHome,
  restored,
  step,
  wasHomeBefore,
} from './home-state.ts'
import { importRemainder } from './import-remainder.ts'

export class Home {
  private readonly platform: Platform
  private readonly root: Root
  private readonly staged: StagedState
  private readonly events: HomeEvents
  private state: HomeState
  private finishing: Promise<void> | null = null
  private tries = 0
  /** Pages that were copied in this life. */
  private pages = 0
  private askAgainAt = 0
  private remainderWaitUntil = 0
  private held: Promise<void> | null = null
  private obtaining: Promise<HomeKnowledge | null> | null = null
  /** The question to the directory that has no answer yet. */
  private lookUp: { readonly since: number; readonly answered: Promise<unknown> } | null = null

  /**
   * @param staged pages of a former home's state
   * @param attached this home's epoch by a connection's attachment, if nothing is stored; null for none
   */
  constructor(
    platform: Platform,
    root: Root,
    staged: StagedState,
    events: HomeEvents,
    attached: number | null,
  ) {
    this.platform = platform
    this.root = root
    this.staged = staged
    this.events = events
    const stored = readHome(platform.storage)
    const unstored = stored === null && platform.storage.blank ? attached : null
    const begun = restored(stored, unstored)
    this.state = begun.state
    if (unstored !== null) this.storeWithFirstRow()
    if (begun.state.stored !== null) this.remainderWaitUntil = platform.now() + REMAINDER_WAIT_MS_MAX
    for (const effect of begun.effects) this.perform(effect)
  }

  /** The epoch of this home if no row has it: a connection's attachment must. Null if there is a row, or the home is not here. */
  get unstored(): number | null {
    return isHome(this.known) && this.platform.storage.blank ? this.known.epoch : null
  }

  get knowledge(): HomeKnowledge {
    return knowledgeOf(this.known)
  }

  private get known(): KnownHome {
    return this.state.known
  }

  /** The home; null if it is unknown or about to change. */
  get settled(): HomeKnowledge | null {
    if (this.obtaining !== null || !isTaken(this.known) || this.known.is === 'unknown') return null
    return this.knowledge
  }

  /** The newest home that this leaf knows; null if it knows none. */
  get newest(): HomeAnswer | null {
    const { known } = this
    if (known.is === 'unknown') return null
    return { region: known.is === 'elsewhere' ? known.region : this.platform.region, epoch: known.epoch }
  }

  /** The answer to a region or a core that wrongly addressed this leaf as the home: with the newest home it knows. */
  get moved(): Moved {
    const { newest } = this
    return newest === null ? { status: 'moved' } : { status: 'moved', home: newest }
  }

  /** The answer to a core that is about to claim the home from here. */
  get answerToClaim(): HomeKnown {
    return { home: this.newest, imported: isHome(this.known) && !isImporting(this.known) }
  }

  /** A question to the core, with the newest home known here: it corrects a directory that was restored from a backup. */
  get asking() {
    const { newest } = this
    return newest === null ? this.naming() : { ...this.naming(), known: newest }
  }

  /**
   * Where the home is. Makes this region the home if there is none. Rejects with `CoreUnreachable`.
   * Calls wait for one another, so that no message is accepted here during a hand-over.
   */
  async find(): Promise<HomeKnowledge> {
    if (this.obtaining !== null) return (await this.obtaining) ?? this.find()
    if (this.settled !== null) return this.settled
    return this.exclusively(() => (isTaken(this.known) ? this.resolve() : this.takeUp()))
  }

  /** Where the home is; null if there is none, and none is made. Asks anew, never together with another. Rejects as `find`. */
  async look(): Promise<HomeKnowledge | null> {
    return this.exclusively(() => (this.known.is === 'unknown' ? this.lookedUp(false) : this.takeUp()))
  }

  /** As `find`, but rejects if a look-up takes longer than `RESOLVE_WAIT_MS`. The look-up goes on. */
  findSoon(): Promise<HomeKnowledge> {
    return this.soon(this.find())
  }

  /** As `look`, with the bound of `findSoon`. */
  lookSoon(): Promise<HomeKnowledge | null> {
    return this.soon(this.look())
  }

  private async soon<Found>(found: Promise<Found>): Promise<Found> {
    const { lookUp } = this
    if (lookUp === null) return found
    found.catch(() => undefined)
    await waitAtMost(this.platform, lookUp.since + RESOLVE_WAIT_MS - this.platform.now(), lookUp.answered)
    if (this.lookUp === lookUp)
      throw new CoreUnreachable(`the directory takes long to answer for the home of ${this.root}`)
    return found
  }

  /** Whether this region is the home with that epoch, as the core's directory says. Asks the directory if this leaf disagrees. */
  async isHere(epoch: number): Promise<boolean> {
    const known = await this.find().catch(() => this.knowledge)
    if (known.at === 'here' && known.epoch >= epoch) return true
    if (known.at === 'elsewhere' && known.epoch >= epoch) return false
    return (await this.verify()).at === 'here'
  }

  /** Asks the directory again, even if the home is known. */
  async verify(): Promise<HomeKnowledge> {
    return this.exclusively(() => this.resolve())
  }

  /**
   * Makes this region the home, because a client connects here. Other calls run between two pages of a copy.
   * @param cleanStart the client begins a new session. @param waits whether it still waits: if not, the copy ends for now
   */
  async take(cleanStart = false, waits: () => boolean = () => true): Promise<HomeHere> {
    if (this.settled?.at === 'here') return this.settled
    for (;;) {
      const copied = this.pages
      await this.exclusively(() => (isHome(this.known) ? this.takeUp() : this.claim('a client', cleanStart)))
      if (isHome(this.known)) return { at: 'here', epoch: this.known.epoch }
      if (this.pages === copied) throw new CoreUnreachable(`${this.root} has moved again meanwhile`)
      if (!waits()) throw new CoreUnreachable(`the client left while ${this.root} was copied`)
    }
  }

  /** The store says that the epoch of this home is over. Rejects if the directory is not reached. */
  async fenced(): Promise<void> {
    const { home } = await this.platform.core.resolve(this.asking)
    if (home === null) return
    if (!isHome(this.known) || home.epoch <= this.known.epoch) return
    this.platform.report(`${this.root} is fenced at epoch ${this.known.epoch}`, null)
    if (home.region === this.platform.region) await this.verify()
    else await this.events.fence(home.region, home.epoch)
  }

  /** Another region is the home now. */
  handedOver(region: RegionId, epoch: number): void {
    this.apply({ is: 'handed-over', home: { region, epoch } })
  }

  /** Whether no other home came between this one and the one with that epoch. */
  wasBefore(epoch: number): boolean {
    return wasHomeBefore(this.state.stored, epoch)
  }

  private async exclusively<Found extends HomeKnowledge | null>(work: () => Promise<Found>): Promise<Found> {
    while (this.obtaining !== null) await this.obtaining.catch(() => null)
    const obtaining = work().finally(() => {
      this.obtaining = null
    })
    this.obtaining = obtaining
    return obtaining
  }

  private async resolve(): Promise<HomeKnowledge> {
    return (await this.lookedUp(true)) ?? this.knowledge
  }

  /** @param begin whether this region becomes the home if there is none; null if it does not */
  private async lookedUp(begin: boolean): Promise<HomeKnowledge | null> {
    // Without the pause each message would wait for an unreachable core.
    if (this.platform.now() < this.askAgainAt)
      throw new CoreUnreachable(`the core was not reached for ${this.root}`)
    const answered = this.platform.core.resolve({ ...this.asking, ...(!begin && { begin }) })
    this.lookUp = { since: this.platform.now(), answered }
    let home: HomeAnswer | null
    try {
      home = (await answered).home
    } catch (cause) {
      this.askAgainAt = this.platform.now() + RESOLVE_PAUSE_MS
      this.platform.report(`the directory did not answer for the home of ${this.root}`, cause)
      throw cause
    } finally {
      this.lookUp = null
    }
    if (home === null) return null
    this.refuseOlder(home)
    const effects = this.apply({ is: 'resolved', home })
    return effects.some((effect) => effect.do === 'claim') ? this.claim() : this.knowledge
  }

  /** @param by a client that connected here, whose connection remembers the home; or a message, after which nothing does */
  private async claim(
    by: 'a client' | 'a message' = 'a message',
    cleanStart = false,
  ): Promise<HomeKnowledge> {
    const asked = { ...this.asking, ...(cleanStart && { cleanStart }) }
    const claimed = await claimInPages(this.platform, this.staged, asked, (home) => this.refuseOlder(home))
    const { home } = claimed
    if (claimed.is === 'copied') {
      this.pages++
      this.apply({ is: 'resolved', home })
      return this.knowledge
    }
    const { state, synced } = claimed
    const imports = state === null ? 'nothing' : synced ? 'store' : 'home'
    // A home in its first epoch imports nothing, so a repeated claim loses nothing: the row may wait.
    const stored = !(
      by === 'a client' &&
      state === null &&
      home.epoch === FIRST_EPOCH &&
      this.platform.storage.blank
    )
    this.apply({ is: 'claimed', home, imports, stored }, () => {
      if (state !== null) this.events.importState(state, synced)
    })
    this.remainderWaitUntil = this.platform.now() + REMAINDER_WAIT_MS_MAX
    // The client must not wait for a region that does not answer.
    await (this.awaitsRemainder
      ? waitAtMost(this.platform, FAIL_OVER_REGISTER_MS, this.finish())
      : this.finish())
    return this.takeUp()
  }

  /** Accepts the messages that wait in the uplink, also after a restart, before any other message. */
  private async takeUp(): Promise<HomeKnowledge> {
    const { known } = this
    if (!isHome(known) || isTaken(known)) return this.knowledge
    await this.events.becameHome()
    this.apply({ is: 'taken', epoch: known.epoch })
    return this.knowledge
  }

  /** Goes on with an import that a restart or an unreachable core left open. Never rejects. */
  async resume(): Promise<void> {
    if (!isTaken(this.known))
      await this.find().catch((cause) =>
        this.platform.report(`the home of ${this.root} does not begin`, cause),
      )
    await this.finish()
  }

  /** Completes an import. The former home deletes nothing until this has ended. Never rejects. */
  finish(): Promise<void> {
    this.finishing ??= this.tryToFinish().finally(() => {
      this.finishing = null
    })
    return this.finishing
  }

  /** True while new deliveries wait for older ones of a former home. Bounded: the older ones may be lost. */
  private get completing(): boolean {
    if (this.known.is !== 'unfinished') return false
    return this.finishing !== null || this.platform.now() < this.remainderWaitUntil
  }

  /** Null if no older delivery can follow. All waiting calls end together, or the last one would overtake the first. */
  completed(): Promise<void> | null {
    if (!this.completing) return this.held
    this.held ??= waitUntil(this.platform, () => !this.completing, COMPLETING_WAIT_MS).finally(() => {
      this.held = null
    })
    return this.held
  }

  /** Whether a former home may still send something. */
  get importing(): boolean {
    return isImporting(this.known)
  }

  /** Whether this home began with the state in the core's store, and a former home may still send its remainder. */
  get awaitsRemainder(): boolean {
    return this.known.is === 'failed-over'
  }

  private async tryToFinish(): Promise<void> {
    const { known } = this
    if (!isImporting(known)) return
    const { epoch } = known
    const synced = known.is === 'failed-over'
    try {
      await importRemainder(
        this.platform,
        { ...this.naming(), epoch, synced },
        () => this.register(),
        (remainder) => this.events.importRemainder(remainder),
      )
      this.apply({ is: 'imported', epoch })
      this.tries = 0
    } catch (cause) {
      this.platform.report(`the import of ${this.root} is repeated`, cause)
      this.platform.wakeBy(
        this.platform.now() + Math.min(IMPORT_RETRY_MS * 2 ** this.tries++, IMPORT_RETRY_MS_MAX),
      )
    }
  }

  /** False if a subscription could not be registered: the lost home is asked for its remainder all the same. */
  private async register(): Promise<boolean> {
    try {
      await this.events.afterImport()
      return true
    } catch (cause) {
      if (!this.awaitsRemainder) throw cause
      this.platform.report(`not all subscriptions of ${this.root} are registered`, cause)
      return false
    }
  }

  /** A delayed answer must not undo a newer hand-over. */
  private refuseOlder(home: HomeAnswer): void {
    if (this.known.is !== 'unknown' && this.known.epoch > home.epoch) {
      throw new CoreUnreachable(`${this.root} has moved again meanwhile`)
    }
  }

  /** Stores an unstored home together with the actor's first other row. */
  private storeWithFirstRow(): void {
    this.platform.storage.beforeFirstRow(() => {
      this.apply({ is: 'stored' })
    })
  }

  private naming() {
    return { fleet: this.platform.fleet, root: this.root, region: this.platform.region }
  }

  /** @param within runs in the transaction that stores the home */
  private apply(event: HomeEvent, within?: () => void): readonly HomeEffect[] {
    const { state, effects } = step(this.state, event, this.platform.region)
    // The alarm first: if the process dies after the row is written, nobody else calls this actor.
    for (const effect of effects) if (effect.do === 'wake') this.perform(effect)
    const store = () => {
      for (const effect of effects) if (effect.do === 'store') writeHome(this.platform.storage, effect.home)
    }
    if (within === undefined) store()
    else
      this.platform.storage.transaction(() => {
        within()
        store()
      })
    this.state = state
    for (const effect of effects) if (effect.do !== 'wake') this.perform(effect)
    return effects
  }

  private perform(effect: HomeEffect): void {
    if (effect.do === 'store-later') this.storeWithFirstRow()
    else if (effect.do === 'wake') this.platform.wakeBy(this.platform.now() + IMPORT_RETRY_MS)
    else if (effect.do === 'import-ended') this.events.imported()
  }
}
