// Looks on while a run goes: homes and connections that are two where there may be one, and which roots failed over.

import { REMAINDER_WAIT_MS_MAX, SYNC_ALARM_MS } from '../../actors/limits.ts'
import type { RegionId, Root } from '../../src/id/ids.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import type { Life } from './actor.ts'
import type { World } from './world.ts'

/** A sync that failed once is made again by then. */
const SYNCED_WITHIN_MS = 3_000

/** A home that began without its predecessor. */
export interface FailOver {
  readonly root: Root
  readonly epoch: number
  /** The lost homes. */
  readonly from: readonly RegionId[]
  readonly at: number
  /** Since when the predecessor's region did not answer, or not for long enough to sync what it had. */
  readonly lostAt: number
  /** The store had a session. */
  readonly session: boolean
  /** When the last home of a lower epoch learned of it; null while one has not. */
  endedAt: number | null
  /** When its successor had heard all that they had; null while it has not. */
  settledAt: number | null
}

export class Watch {
  readonly failOvers: FailOver[] = []
  private readonly world: World
  /** Of a root and epoch: from when to when the home was importing; `several` where not all former ones were reached at first. */
  private readonly importing = new Map<
    string,
    { readonly root: Root; readonly since: number; until: number; readonly several: boolean }
  >()
  /** Which region was the home at an epoch. */
  private readonly epochs = new Map<string, RegionId>()
  /** Who takes itself for the home. */
  private readonly homes = new Map<Root, Map<RegionId, number>>()
  /** Regions that do not answer, or did not a moment ago. */
  private readonly away = new Map<RegionId, { readonly since: number; back: number | null }>()

  constructor(world: World) {
    this.world = world
  }

  /** Whether no other region was ever its home: what is published there goes nowhere else on its way to a client there. */
  alwaysHome(root: Root, region: RegionId): boolean {
    return [...this.epochs].every(([key, one]) => !key.endsWith(` ${root}`) || one === region)
  }

  /** Whether a subscription in one of these regions, of that moment, was made in one that lost the home then, or soon after. */
  lostTo(root: Root, regions: readonly string[], at: number): boolean {
    return this.failOvers.some(
      (one) =>
        one.root === root &&
        at > one.lostAt - SYNCED_WITHIN_MS &&
        [...this.epochs].some(
          ([key, region]) =>
            key.endsWith(` ${root}`) && Number.parseInt(key, 10) < one.epoch && regions.includes(region),
        ),
    )
  }

  /**
   * Whether its home was still importing, one of the former homes not being reached from the beginning, or for longer than that
   * holds back what is newer: what was published before the end of that may come late.
   */
  importedLate(root: Root, at: number): boolean {
    return [...this.importing.values()].some(
      (one) =>
        one.root === root && (one.several || one.until - one.since > REMAINDER_WAIT_MS_MAX) && at < one.until,
    )
  }

  /** After each event of a life. */
  look(life: Life): void {
    this.home(life)
    this.connections(life)
  }

  /** Which regions do not answer. */
  regions(): void {
    const { exact } = this.world.scheduler
    for (const { id, up, cut, frozen } of this.world.regions.values()) {
      const away = this.away.get(id)
      if (!up || cut || frozen) {
        if (away === undefined) this.away.set(id, { since: exact, back: null })
        else away.back = null
      } else if (away !== undefined) {
        away.back ??= exact
        if (away.back + SYNC_ALARM_MS < exact) this.away.delete(id)
      }
    }
  }

  failedOver(root: Root, epoch: number, { session }: HandoverState): void {
    const { exact } = this.world.scheduler
    this.world.note(`${root} fails over, epoch ${epoch}${session === null ? ', without a session' : ''}`)
    const from = this.before(root, epoch)
    const away = from.map((region) => this.away.get(region)?.since ?? exact)
    this.failOvers.push({
      root,
      epoch,
      from,
      at: exact,
      lostAt: Math.min(exact, ...away),
      session: session !== null,
      endedAt: away.length === 0 ? exact : null,
      settledAt: null,
    })
  }

  /** At the end all know who the home is, and what lost homes had has come. */
  oneHomeEach(): void {
    for (const { root, epoch, settledAt } of this.failOvers)
      if (settledAt === null)
        this.world.breach('one home', `nobody has heard all from before epoch ${epoch} of ${root}`)
    for (const [root, regions] of this.homes)
      if (regions.size > 1) this.world.breach('one home', `${root} is at home in ${[...regions.keys()]}`)
  }

  private home({ leaf, region }: Life): void {
    if (leaf === null) return
    const { root, home } = leaf
    const { knowledge } = home
    const regions = this.homes.get(root) ?? new Map<RegionId, number>()
    if (knowledge.at === 'here') {
      if (home.importing) this.imports(root, knowledge.epoch, home.awaitsRemainder)
      if (!home.awaitsRemainder)
        for (const one of this.failOvers)
          if (one.root === root && one.epoch <= knowledge.epoch) one.settledAt ??= this.world.scheduler.exact
      if (regions.get(region) === knowledge.epoch) return
      this.homes.set(root, regions.set(region, knowledge.epoch))
      this.begun(root, region, knowledge.epoch)
    } else if (knowledge.at === 'elsewhere' && regions.delete(region)) {
      for (const one of this.failOvers)
        if (one.root === root && one.endedAt === null && this.before(root, one.epoch).length === 0)
          one.endedAt = this.world.scheduler.exact
    }
  }

  private imports(root: Root, epoch: number, late: boolean): void {
    const { exact } = this.world.scheduler
    const key = `${epoch} ${root}`
    const known = this.importing.get(key)
    // One that began from the store is among the fail-overs.
    const several = late && !this.failOvers.some((one) => one.root === root && one.epoch === epoch)
    if (late && !several) return
    if (known === undefined) this.importing.set(key, { root, since: exact, until: exact, several })
    else known.until = exact
  }

  private begun(root: Root, region: RegionId, epoch: number): void {
    const key = `${epoch} ${root}`
    const owner = this.epochs.get(key) ?? region
    this.epochs.set(key, owner)
    if (owner !== region)
      this.world.breach('one home', `${root} has two homes at epoch ${epoch}: ${owner} and ${region}`)
    for (const other of this.homes.get(root)?.keys() ?? []) {
      if (other !== region && !this.mayBeTwo(root, region, other))
        this.world.breach('one home', `${root} is at home in ${other} and in ${region}`)
    }
  }

  /** The older of the two has a successor that could not ask it. */
  private mayBeTwo(root: Root, a: RegionId, b: RegionId): boolean {
    const regions = this.homes.get(root)
    const older = Math.min(regions?.get(a) ?? 0, regions?.get(b) ?? 0)
    return this.failOvers.some((one) => one.root === root && one.epoch > older)
  }

  /** Who takes itself for the home with an epoch below this one. */
  private before(root: Root, epoch: number): RegionId[] {
    return [...(this.homes.get(root) ?? [])].flatMap(([region, known]) => (known < epoch ? [region] : []))
  }

  private connections({ actor }: Life): void {
    if (actor.address.kind !== 'device') return
    let here = 0
    for (const socket of actor.sockets) if (socket.live) here++
    if (here === 0) return
    if (here > 1) this.world.breach('one connection', `${actor.name} has ${here} connections`)
    for (const region of this.world.regions.values()) {
      if (region === actor.region) continue
      const other = region.actors.get(`device ${region.id}/${actor.address.fleet}/${actor.address.id}`)
      if (other === undefined || ![...other.sockets].some((socket) => socket.live)) continue
      if (!this.mayBeTwo(`devices/${actor.address.id}` as Root, region.id, actor.region.id))
        this.world.breach('one connection', `${actor.name} and ${other.name} are both connected`)
    }
  }
}
