// Regions as a directory's test scripts them.
import { EdgeSilent, EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import type { Edges } from '../../k8s-core/edges.ts'
import type { RegionId, Root } from '../../src/id/ids.ts'
import {
  type HandoverResponse,
  type HomeKnown,
  RELEASED,
  type RegionInterest,
  type ReleaseRequest,
  type ReleaseResponse,
} from '../../src/relay/home.ts'

export const [AP, EU, US] = ['ap', 'eu', 'us'] as RegionId[] as [RegionId, RegionId, RegionId]
export const LAMP_ROOT = 'devices/lamp' as Root
export function sessionOf(id: string) {
  const numbers = { expirySeconds: 60, disconnectedAt: 1, lastPosition: 0, sentUpTo: 0 }
  return { id, ...numbers, subscriptions: [], released: [], received: [], seen: [], queue: [] }
}

/** What each region does; by default it is there and gives a session of its own name. */
export class Regions {
  readonly silent = new Set<RegionId>()
  readonly refusing = new Set<RegionId>()
  /** Never began as the home that the directory takes them for. */
  readonly empty = new Set<RegionId>()
  /** Answer this call and then no more. */
  readonly falling = new Map<RegionId, 'ping' | 'homeKnown'>()
  /** What their leaves know of the home; by default nothing. */
  readonly told = new Map<RegionId, HomeKnown>()
  /** Who wants the root of a home that hands over. */
  interests: RegionInterest[] = []
  readonly released: (ReleaseRequest & { readonly region: RegionId })[] = []
  release: (region: RegionId, request: ReleaseRequest) => ReleaseResponse = () => RELEASED
  /** What a home does when it is asked to finish its import. */
  finish: () => Promise<void> = () => Promise.resolve()

  handover = async (region: RegionId): Promise<HandoverResponse> => {
    this.answers(region)
    if (this.empty.has(region)) return { state: null }
    return {
      state: {
        session: sessionOf(`of ${region}`),
        clock: 0,
        retained: [],
        interests: this.interests,
        presence: [],
        shadows: [],
      },
    }
  }

  get edges(): Edges {
    return {
      regions: [AP, EU, US],
      ping: async (region: RegionId) => this.answers(region, 'ping'),
      homeKnown: async (region: RegionId) => {
        this.answers(region, 'homeKnown')
        return this.told.get(region) ?? { home: null, imported: false }
      },
      interest: async (region: RegionId) => {
        this.answers(region)
        await this.finish()
        return { status: 'done', order: 0, clock: 0, retained: [] }
      },
      handover: (region: RegionId) => this.handover(region),
      release: async (region: RegionId, request: ReleaseRequest) => {
        this.answers(region)
        this.released.push({ ...request, region })
        return this.release(region, request)
      },
    } as unknown as Edges
  }

  private answers(region: RegionId, call?: 'ping' | 'homeKnown'): void {
    if (this.silent.has(region)) throw new EdgeSilent(region, 'silent')
    if (this.refusing.has(region)) throw new EdgeUnreachable(region, 'answered with 500')
    if (call !== undefined && this.falling.get(region) === call) this.silent.add(region)
  }
}
