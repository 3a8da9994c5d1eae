// What goes wrong in a run: how calls fare, and at which times what dies, freezes or is cut off.

import type { Random } from '../random/random.ts'
import type { SimActor } from './actor.ts'
import type { World } from './world.ts'

export const FAULT_KINDS = [
  'roam',
  'client drops',
  'core losses',
  'core repeats',
  'edge losses',
  'partitions',
  'actor deaths',
  'region deaths',
  'region losses',
  'pod deaths',
  'write crashes',
  'freezes',
  'hibernation',
] as const
/** Only where a run's kind has them. */
export const RESTORE = 'restore'
export const FULL_DISKS = 'full disks'
export type FaultKind = (typeof FAULT_KINDS)[number] | typeof RESTORE | typeof FULL_DISKS

/**
 * What may go wrong besides a restore. Nothing is lost between regions and core: a region might seem silent that alone knows of
 * a forgotten home. And nothing comes twice there: after so long an outage a former home's messages would, at the next one
 * (decision 12).
 */
export const BESIDES_RESTORE = [
  'roam',
  'client drops',
  'edge losses',
  'actor deaths',
  'pod deaths',
  'write crashes',
  'hibernation',
] as const satisfies readonly FaultKind[]

/** By these no process dies and nothing is lost inside a region. */
export const HARMLESS: readonly FaultKind[] = [
  'roam',
  'client drops',
  'core losses',
  'core repeats',
  'partitions',
  'pod deaths',
  'hibernation',
  RESTORE,
]

/** The store is away before it is there as it was: longer than any call takes that it had answered before. */
const RESTORE_MS = 9_000
const RESTORE_FROM_MS = 7_000

const SYNC_UNDISTURBED: ReadonlySet<FaultKind> = new Set([
  'roam',
  'client drops',
  'core repeats',
  'region losses',
  'hibernation',
])

const ACTORS_FAIL: readonly FaultKind[] = [
  'edge losses',
  'actor deaths',
  'write crashes',
  'region deaths',
  'region losses',
  FULL_DISKS,
]

export class Faults {
  /** None at the end of a run. */
  active = true
  /** How many happened, by kind. */
  readonly counts = new Map<FaultKind, number>()
  private healedAt = Number.POSITIVE_INFINITY
  readonly kinds: ReadonlySet<FaultKind>
  private readonly random: Random

  constructor(random: Random, kinds: ReadonlySet<FaultKind>) {
    this.random = random
    this.kinds = kinds
  }

  has(kind: FaultKind): boolean {
    return this.kinds.has(kind)
  }

  /** Nothing else can have gone wrong. */
  only(allowed: readonly FaultKind[], ...more: readonly FaultKind[]): boolean {
    return [...this.kinds].every((kind) => allowed.includes(kind) || more.includes(kind))
  }

  /** An actor may be told of an error that it has no better word for. */
  get actorsFail(): boolean {
    return ACTORS_FAIL.some((kind) => this.has(kind))
  }

  /** How long it may take until the core's store has what a home has changed. */
  get syncedWithinMs(): number {
    return [...this.kinds].every((kind) => SYNC_UNDISTURBED.has(kind)) ? 3_000 : Number.POSITIVE_INFINITY
  }

  count(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
  }

  edgeCall(): 'fine' | 'lost' | 'answer lost' {
    if (!this.active || !this.has('edge losses') || !this.random.chance(0.02)) return 'fine'
    this.count('edge losses')
    return this.random.chance(0.5) ? 'lost' : 'answer lost'
  }

  request(): 'fine' | 'lost' | 'answer lost' | 'twice' {
    if (!this.active) return 'fine'
    if (this.has('core losses') && this.random.chance(0.08)) {
      this.count('core losses')
      return this.random.chance(0.5) ? 'lost' : 'answer lost'
    }
    if (this.has('core repeats') && this.random.chance(0.1)) {
      this.count('core repeats')
      return 'twice'
    }
    return 'fine'
  }

  repeatDelay(): number {
    return this.random.chance(0.2) ? this.random.between(100, 3_000) : this.random.between(0, 100)
  }

  private happens(kind: FaultKind): boolean {
    if (!this.active || !this.has(kind)) return false
    this.count(kind)
    return true
  }

  /**
   * Plans what happens by itself until then, ms since the beginning.
   * @param every how often something happens, ms, where not as usual
   */
  plan(world: World, until: number, every: Readonly<Partial<Record<FaultKind, number>>> = {}): void {
    const { random } = this
    const each = (kind: FaultKind, usuallyMs: number, happen: () => void) => {
      if (!this.has(kind)) return
      const everyMs = every[kind] ?? usuallyMs
      for (
        let at = random.between(500, everyMs * 2);
        at < until;
        at += random.between(everyMs / 3, everyMs * 2)
      )
        world.scheduler.after(at, null, () => {
          if (this.happens(kind)) happen()
        })
    }
    const regions = [...world.regions.values()]
    each('partitions', 5_000, () => {
      const region = random.pick(regions)
      if (region.cut) return
      region.cut = true
      world.note(`${region.id} is cut off`)
      const from = world.scheduler.exact
      world.scheduler.after(random.between(500, 9_000), null, () => {
        world.cuts.push({ region: region.id, from, until: Math.min(world.scheduler.exact, this.healedAt) })
        region.cut = false
        world.note(`${region.id} is joined again`)
      })
    })
    each('actor deaths', 2_000, () => {
      const actor = this.anyActor(world)
      if (actor?.life != null) actor.die('a fault')
    })
    each('write crashes', 700, () => {
      const actor = this.anyActor(world)
      if (actor !== null) actor.writesLeft = random.int(8)
    })
    each(FULL_DISKS, 3_000, () => {
      const region = random.pick(regions)
      if (region.diskFull) return
      region.diskFull = true
      world.note(`the disk of ${region.id} is full`)
      world.scheduler.after(random.between(200, 8_000), null, () => {
        region.diskFull = false
        world.note(`the disk of ${region.id} has room again`)
      })
    })
    each('region deaths', 6_000, () => {
      const region = random.pick(regions)
      if (!region.up) return
      region.die()
      world.scheduler.after(random.between(50, 3_000), null, () => region.start())
    })
    each('region losses', 8_000, () => {
      const region = random.pick(regions)
      if (!region.up) return
      region.die()
      world.scheduler.after(random.between(3_000, 15_000), null, () => region.start())
    })
    each('pod deaths', 3_000, () => {
      const pod = random.pick(world.pods)
      if (!pod.up) return
      pod.die()
      world.scheduler.after(random.between(20, 2_000), null, () => pod.start())
    })
    each('freezes', 4_000, () => {
      const place = random.pick([...regions, ...world.pods, this.anyActor(world) ?? random.pick(regions)])
      if (place.frozen) return
      place.frozen = true
      world.note(`${'id' in place ? place.id : place.name} freezes`)
      world.scheduler.after(random.between(200, 12_000), null, () => {
        world.note(`${'id' in place ? place.id : place.name} thaws`)
        world.scheduler.thaw(place)
      })
    })
    if (this.has(RESTORE))
      world.scheduler.after(random.between(RESTORE_FROM_MS, RESTORE_FROM_MS + 2_000), null, () =>
        this.restore(world),
      )
    each('client drops', 1_500, () => {
      const client = random.pick(world.clients)
      const lostForMs = random.chance(0.5) ? 0 : random.between(10, 4_000)
      client.current?.hangUp(lostForMs)
    })
    each('hibernation', 3_000, () => {
      for (const region of regions) for (const actor of region.actors.values()) actor.hibernateIfIdle()
    })
  }

  /** The store is restored from a backup: homes are where they were some changes ago, the states are all there. */
  private restore(world: World): void {
    const { random } = this
    world.note('the store is down')
    world.storeDown = true
    world.scheduler.after(RESTORE_MS, null, () => {
      const undone = world.store.goBack(() => (random.chance(0.8) ? 1 + random.int(4) : 0))
      for (let i = 0; i < undone; i++) this.count(RESTORE)
      // What pods remember may be put right by itself.
      const restart = random.chance(0.7)
      for (const pod of restart ? world.pods : []) {
        pod.die()
        pod.start()
      }
      world.storeDown = false
      world.note(`the store is back, and has forgotten something of ${undone} homes`)
    })
  }

  heal(world: World): void {
    this.active = false
    this.healedAt = world.scheduler.exact
    world.note('everything heals')
    for (const pod of world.pods) pod.start()
    for (const region of world.regions.values()) {
      region.cut = false
      region.diskFull = false
      region.start()
      for (const actor of region.actors.values()) {
        actor.writesLeft = Number.POSITIVE_INFINITY
        world.scheduler.thaw(actor)
      }
      world.scheduler.thaw(region)
    }
    for (const pod of world.pods) world.scheduler.thaw(pod)
  }

  private anyActor(world: World): SimActor | null {
    const actors = [...world.regions.values()].flatMap((region) => [...region.actors.values()])
    return actors.length === 0 ? null : this.random.pick(actors)
  }
}
