// What a leaf knows of its root's home, and how it becomes the home.

import type { RegionId, Root } from '../../../src/id/ids.ts'
import { type HomeKnown, TOOK_NOTHING, type Took } from '../../../src/relay/home.ts'
import { FIRST_EPOCH, type HomeAnswer, type Moved } from '../../../src/relay/home-answer.ts'
import { atMost, eventually } from '../../calls/eventually.ts'
import { lateByOurClock, stateByOurClock } from '../../calls/other-clock.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import {
  COMPLETING_WAIT_MS,
  FAIL_OVER_REGISTER_MS,
  IMPORT_RETRY_MS,
  IMPORT_RETRY_MS_MAX,
  LATE_FIRST_MS_MAX,
  RESOLVE_PAUSE_MS,
  RESOLVE_WAIT_MS,
} from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { HOME_ROWS } from '../schema.ts'
import type { HomeEvents } from './home-events.ts'

export type HomeKnowledge =
  | { readonly at: 'unknown' }
  | { readonly at: 'here'; readonly epoch: number }
  | { readonly at: 'elsewhere'; readonly region: RegionId; readonly epoch: number }

/**
 * `new`, `unfinished`, `failed-over`: what waits in the uplink may not have been taken; `new` has nothing to import.
 * `handed-over`: this was the home just before; `passed-over`: it was not, or only an older one.
 */
type HomeState = 'here' | 'new' | 'unfinished' | 'failed-over' | 'handed-over' | 'passed-over'

export type HomeHere = Extract<HomeKnowledge, { at: 'here' }>

/** How far what is late was taken, of which old home. */
type TookFrom = Took & { readonly from: RegionId | null }

export class Home {
  private readonly platform: Platform
  private readonly root: Root
  private readonly events: HomeEvents
  private known: HomeKnowledge = { at: 'unknown' }
  /** Nothing is stored here, and so the home is not either: the directory has it, and a connection's attachment. */
  private unstoredHere = false
  private unfinished = false
  /** This has become the home, and has not taken yet what waits for it in the uplink, which goes before all else. */
  private untaken = false
  /** What is unfinished began from the store: old homes may come back with something at any time. */
  private fromStore = false
  private finishing: Promise<void> | null = null
  private tries = 0
  private askAgainAt = 0
  private lateFirstUntil = 0
  private held: Promise<void> | null = null
  private obtaining: Promise<HomeKnowledge> | null = null
  /** The core has not answered yet. */
  private lookUp: { readonly since: number; readonly answered: Promise<unknown> } | null = null

  /** @param attached this home's epoch where a connection's attachment has it, since nothing is stored; null for none */
  constructor(platform: Platform, root: Root, events: HomeEvents, attached: number | null) {
    this.platform = platform
    this.root = root
    this.events = events
    const [row] = platform.storage.rows(HOME_ROWS)
    if (row === undefined) {
      if (attached !== null && platform.storage.blank) this.isHereUnstored(attached)
      return
    }
    const epoch = Number(row.epoch)
    this.fromStore = row.state === 'failed-over'
    this.unfinished = row.state === 'unfinished' || this.fromStore
    this.untaken = row.state === 'new' || this.unfinished
    this.lateFirstUntil = platform.now() + LATE_FIRST_MS_MAX
    this.known =
      row.state === 'handed-over' || row.state === 'passed-over'
        ? { at: 'elsewhere', region: String(row.region) as RegionId, epoch }
        : { at: 'here', epoch }
    if (this.untaken) platform.wakeBy(platform.now() + IMPORT_RETRY_MS)
  }

  /** The epoch of this home where no row says it; null where one does, or the home is not here. */
  get unstored(): number | null {
    return this.unstoredHere && this.known.at === 'here' && this.platform.storage.blank
      ? this.known.epoch
      : null
  }

  get knowledge(): HomeKnowledge {
    return this.known
  }

  /** What is known, unless that is nothing or is about to change. */
  get settled(): HomeKnowledge | null {
    return this.obtaining !== null || this.untaken || this.known.at === 'unknown' ? null : this.known
  }

  /** The home as it is known here; null where nothing is known. */
  get newest(): HomeAnswer | null {
    const { known } = this
    if (known.at === 'unknown') return null
    return { region: known.at === 'here' ? this.platform.region : known.region, epoch: known.epoch }
  }

  /** For whoever took this for the home. */
  get moved(): Moved {
    const { newest } = this
    return newest === null ? { status: 'moved' } : { status: 'moved', home: newest }
  }

  /** For a core that is about to claim the home from here. */
  get told(): HomeKnown {
    return { home: this.newest, imported: this.known.at === 'here' && !this.unfinished }
  }

  /** What the core is asked with. Where the directory has gone back, and says an older home, this puts it right. */
  get asking() {
    const { newest } = this
    return newest === null ? this.naming() : { ...this.naming(), known: newest }
  }

  /**
   * Where the home is; makes it this region if there is none. Rejects with `CoreUnreachable`.
   * Calls wait for one another, so that nothing is accepted here while a hand-over is under way.
   */
  async find(): Promise<HomeKnowledge> {
    if (this.obtaining !== null) return this.obtaining
    if (this.settled !== null) return this.settled
    return this.exclusively(() => (this.untaken ? this.takeUp() : this.resolve()))
  }

  /** As `find`, for what can do without an answer: gives up where a look-up takes long, which goes on. */
  async findSoon(): Promise<HomeKnowledge> {
    const found = this.find()
    const { lookUp } = this
    if (lookUp === null) return found
    found.catch(() => undefined)
    await atMost(this.platform, lookUp.since + RESOLVE_WAIT_MS - this.platform.now(), lookUp.answered)
    if (this.lookUp === lookUp)
      throw new CoreUnreachable(`where the home of ${this.root} is takes long to say`)
    return found
  }

  /** Whether this is the home that the core takes it for; asks the directory where the two differ. */
  async isHere(epoch: number): Promise<boolean> {
    const known = await this.find().catch(() => this.known)
    if (known.at === 'here' && known.epoch >= epoch) return true
    if (known.at === 'elsewhere' && known.epoch >= epoch) return false
    return (await this.verify()).at === 'here'
  }

  /** Asks the directory again, whatever is known. */
  async verify(): Promise<HomeKnowledge> {
    return this.exclusively(() => this.resolve())
  }

  /** Makes this region the home, because a client came up here. */
  async take(): Promise<HomeHere> {
    if (this.settled?.at === 'here') return this.settled
    await this.exclusively(() => (this.known.at === 'here' ? this.takeUp() : this.claim('a client')))
    if (this.known.at !== 'here') throw new CoreUnreachable(`${this.root} has moved on meanwhile`)
    return this.known
  }

  /** Somebody said that this is not the home's epoch. Rejects where the directory cannot be asked. */
  async fenced(): Promise<void> {
    const { home } = await this.platform.core.resolve(this.asking)
    if (this.known.at !== 'here' || home.epoch <= this.known.epoch) return
    this.platform.report(`${this.root} is fenced at epoch ${this.known.epoch}`, null)
    if (home.region === this.platform.region) await this.verify()
    else await this.events.fence(home.region, home.epoch)
  }

  /** Another region is the home now. */
  handedOver(region: RegionId, epoch: number): void {
    this.write(region, epoch, this.wasBefore(epoch) ? 'handed-over' : 'passed-over')
    this.known = { at: 'elsewhere', region, epoch }
    this.unfinished = false
    this.untaken = false
  }

  /** Whether no other home came between this one and the one with that epoch. */
  wasBefore(epoch: number): boolean {
    const [row] = this.platform.storage.rows(HOME_ROWS)
    // Of a root that never had anything there is nothing to miss.
    if (row === undefined) return epoch <= FIRST_EPOCH + 1
    if (row.state === 'passed-over') return false
    return Number(row.epoch) === (row.state === 'handed-over' ? epoch : epoch - 1)
  }

  private async exclusively(work: () => Promise<HomeKnowledge>): Promise<HomeKnowledge> {
    while (this.obtaining !== null) await this.obtaining.catch(() => null)
    const obtaining = work().finally(() => {
      this.obtaining = null
    })
    this.obtaining = obtaining
    return obtaining
  }

  private async resolve(): Promise<HomeKnowledge> {
    // While the core is out of reach, each message would wait for it anew.
    if (this.platform.now() < this.askAgainAt)
      throw new CoreUnreachable(`the core was not reached for ${this.root}`)
    const answered = this.platform.core.resolve(this.asking)
    this.lookUp = { since: this.platform.now(), answered }
    let home: HomeAnswer
    try {
      home = (await answered).home
    } catch (cause) {
      this.askAgainAt = this.platform.now() + RESOLVE_PAUSE_MS
      this.platform.report(`where the home of ${this.root} is cannot be asked`, cause)
      throw cause
    } finally {
      this.lookUp = null
    }
    this.refuseOlder(home)
    if (home.region !== this.platform.region) {
      this.known = { at: 'elsewhere', ...home }
      return this.known
    }
    if (this.known.at === 'here' && this.known.epoch === home.epoch) return this.known
    // The directory says that it is here, but this leaf has not imported it, or never knew: finish that.
    return this.claim()
  }

  /** @param by a client that came up here, whose connection remembers the home; or a message, which nothing remembers */
  private async claim(by: 'a client' | 'a message' = 'a message'): Promise<HomeKnowledge> {
    const { home, state: given, synced } = await this.platform.core.claim(this.asking)
    this.refuseOlder(home)
    const state = given && stateByOurClock(given, this.platform.now())
    // Should the process die before it is done: who has taken over nobody else calls.
    if (state !== null) this.platform.wakeBy(this.platform.now() + IMPORT_RETRY_MS)
    if (by === 'a client' && state === null && home.epoch === FIRST_EPOCH && this.platform.storage.blank)
      this.isHereUnstored(home.epoch)
    else {
      this.platform.storage.transaction(() => {
        if (state !== null) this.events.importState(state, synced)
        this.write(home.region, home.epoch, state === null ? 'new' : synced ? 'failed-over' : 'unfinished')
      })
    }
    this.known = { at: 'here', epoch: home.epoch }
    this.unfinished = state !== null
    this.untaken = true
    this.fromStore = state !== null && synced
    this.lateFirstUntil = this.platform.now() + LATE_FIRST_MS_MAX
    // The client is not to wait for a region that does not answer.
    await (this.fromStore ? atMost(this.platform, FAIL_OVER_REGISTER_MS, this.finish()) : this.finish())
    return this.takeUp()
  }

  /** Completes what the process may have died before: nothing is accepted until then. */
  private async takeUp(): Promise<HomeKnowledge> {
    const { known } = this
    if (!this.untaken || known.at !== 'here') return known
    await this.events.becameHome()
    if (this.known.at !== 'here' || this.known.epoch !== known.epoch) return this.known
    this.untaken = false
    const taken = "UPDATE home SET state = 'here' WHERE state = 'new' AND epoch = ?"
    this.platform.storage.exec(taken, known.epoch)
    return known
  }

  /** What is left to be done since before the process died, or since the core was last out of reach. Never rejects. */
  async resume(): Promise<void> {
    if (this.untaken)
      await this.find().catch((cause) => this.platform.report(`${this.root} is not taken up`, cause))
    await this.finish()
  }

  /** Completes an import that was cut short: the old home keeps what it has until it is told. Never rejects. */
  finish(): Promise<void> {
    this.finishing ??= this.tryToFinish().finally(() => {
      this.finishing = null
    })
    return this.finishing
  }

  /** An import is being completed: what comes now is newer than what is still late. Not for ever: that may be lost. */
  private get completing(): boolean {
    if (!this.unfinished || this.fromStore) return false
    return this.finishing !== null || this.platform.now() < this.lateFirstUntil
  }

  /** Null where nothing is late. All who wait go on or fail together, or the last one would overtake the first. */
  completed(): Promise<void> | null {
    if (!this.completing) return this.held
    this.held ??= eventually(this.platform, () => !this.completing, COMPLETING_WAIT_MS).finally(() => {
      this.held = null
    })
    return this.held
  }

  /** An old home may have something yet. */
  get importing(): boolean {
    return this.unfinished
  }

  /** This home began from the store, and has not heard from all old homes yet. */
  get mayHearLate(): boolean {
    return this.unfinished && this.fromStore
  }

  private async tryToFinish(): Promise<void> {
    if (!this.unfinished || this.known.at !== 'here') return
    try {
      const { epoch } = this.known
      let registered = await this.register()
      // An old home lets go of what was late only when it is asked again: by then it is safe here.
      for (let took: TookFrom = { ...TOOK_NOTHING, from: null }; ; ) {
        const asked = { ...this.naming(), epoch, synced: this.fromStore, registered, ...took }
        const late = await this.platform.core.imported(asked)
        if (late.done) break
        if (
          late.late.length === 0 &&
          late.retained.length + late.shadows.length + late.subscriptions.length === 0
        )
          throw new Error('an old home does not let go before all is registered')
        await this.events.late(lateByOurClock(late, this.platform.now()))
        if (late.subscriptions.length > 0) registered = await this.register()
        const before = late.from === took.from ? took : TOOK_NOTHING
        took = {
          from: late.from,
          tookUpTo: late.upTo,
          tookTopic: late.retained.at(-1)?.topic ?? before.tookTopic,
          tookShadow: late.shadows.at(-1)?.path ?? before.tookShadow,
          tookFilter: late.subscriptions.at(-1)?.filter ?? before.tookFilter,
        }
      }
      // A newer home may have taken this one over meanwhile.
      this.platform.storage.exec(
        "UPDATE home SET state = ? WHERE state IN ('unfinished', 'failed-over') AND epoch = ?",
        this.untaken ? 'new' : 'here',
        epoch,
      )
      this.unfinished = false
      this.events.imported()
      this.tries = 0
    } catch (cause) {
      this.platform.report(`the import of ${this.root} is not finished`, cause)
      this.platform.wakeBy(
        this.platform.now() + Math.min(IMPORT_RETRY_MS * 2 ** this.tries++, IMPORT_RETRY_MS_MAX),
      )
    }
  }

  /** False where an old home may be asked for what is late all the same: it is not to wait for yet another region. */
  private async register(): Promise<boolean> {
    try {
      await this.events.afterImport()
      return true
    } catch (cause) {
      if (!this.fromStore) throw cause
      this.platform.report(`not all of ${this.root} is registered`, cause)
      return false
    }
  }

  /** An answer that was long on its way must not undo a newer hand-over. */
  private refuseOlder(home: HomeAnswer): void {
    if (this.known.at !== 'unknown' && this.known.epoch > home.epoch) {
      throw new CoreUnreachable(`${this.root} has moved on meanwhile`)
    }
  }

  /** In its first epoch a home has nothing to import, so whoever claims it again finds it as it is. */
  private isHereUnstored(epoch: number): void {
    this.known = { at: 'here', epoch }
    this.unstoredHere = true
    this.platform.storage.beforeFirstRow(() => {
      if (this.known.at === 'here')
        this.write(this.platform.region, this.known.epoch, this.untaken ? 'new' : 'here')
    })
  }

  private naming() {
    return { fleet: this.platform.fleet, root: this.root, region: this.platform.region }
  }

  private write(region: RegionId, epoch: number, state: HomeState): void {
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO home (one, region, epoch, state) VALUES (1, ?, ?, ?)',
      region,
      epoch,
      state,
    )
  }
}
