// The gathered facts in the form that rules need: the homes of receiver and topic, the newest remembered message, and the
// messages that wait between regions.
import type { RegionId } from '../id/ids.ts'
import type {
  ExplainAsked,
  ExplainResponse,
  LeafFacts,
  PublisherFacts,
  ReceiverFacts,
  RegionFacts,
  Said,
  UplinkFacts,
} from '../relay/explain.ts'

export interface Gathered {
  readonly asked: ExplainAsked
  /** The region that was asked. */
  readonly region: RegionId
  readonly here: RegionFacts
  readonly core: Said<ExplainResponse>
}

export interface RegionSaid {
  readonly region: RegionId
  readonly facts: RegionFacts | null
  readonly problem: string | null
}

const SKEW_MS_MIN = 100

/** The newest message on the topic that any actor remembers. */
export interface Publication {
  readonly ageMs: number
  readonly publisher: string | null
  readonly qos: number
  /** The publisher's outcome; null if open, or not remembered. */
  readonly reason: number | null
  /** The record of a topic's leaf that sent the message on. */
  readonly passed: LeafFacts['passed'][number] | null
}

export interface Waiting {
  readonly from: RegionId
  readonly lane: UplinkFacts['lanes'][number]
}

export class World {
  readonly asked: ExplainAsked
  readonly regions: readonly RegionSaid[]
  /** Why no other region's facts are known; null if the core has answered. */
  readonly coreProblem: string | null
  readonly receiverHome: RegionId | null
  readonly topicHome: RegionId | null
  /** Actors were asked at slightly different moments: ages that differ by less count as equal. */
  readonly skewMs: number
  readonly publication: Publication | null
  readonly waiting: readonly Waiting[]

  constructor({ asked, region, here, core }: Gathered) {
    this.asked = asked
    this.coreProblem = core.problem
    this.regions = [{ region, facts: here, problem: null }, ...(core.facts?.regions ?? [])]
    const homes = core.facts?.homes ?? null
    this.receiverHome = homes?.receiver?.region ?? this.homeBy((facts) => facts.receiver.facts?.home)
    this.topicHome = homes?.topic?.region ?? this.homeBy((facts) => facts.leaf.facts?.home)
    const durationsMs = [
      ...[here.receiver, here.leaf, here.publisher].map((said) => (said?.problem === null ? said.tookMs : 0)),
      ...(core.facts?.regions ?? []).map(({ problem, tookMs }) => (problem === null ? tookMs : 0)),
    ]
    this.skewMs = SKEW_MS_MIN + Math.max(...durationsMs)
    this.publication = this.findPublication()
    this.waiting = this.regions.flatMap(({ region: from, facts }) =>
      (facts?.uplink.facts?.lanes ?? []).map((lane) => ({ from, lane })),
    )
  }

  at(region: RegionId | null): RegionSaid | null {
    return this.regions.find((one) => one.region === region) ?? null
  }

  get receiver(): ReceiverFacts | null {
    return this.at(this.receiverHome)?.facts?.receiver.facts ?? null
  }

  /** The publisher's actors of all regions; empty if no publisher was asked for. */
  get publishers(): readonly PublisherFacts[] {
    return this.regions.flatMap(({ facts }) => facts?.publisher?.facts ?? [])
  }

  /** How long the topic's home leaf has been in memory, ms; null if it was not asked. */
  get topicMemoryMs(): number | null {
    return this.at(this.topicHome)?.facts?.leaf.facts?.memoryMs ?? null
  }

  /** The home by the regions' own knowledge, of which the highest epoch counts. */
  private homeBy(knowledge: (facts: RegionFacts) => LeafFacts['home'] | undefined): RegionId | null {
    let best: { readonly region: RegionId; readonly epoch: number } | null = null
    for (const { region, facts } of this.regions) {
      const known = facts === null ? undefined : knowledge(facts)
      if (known === undefined || known.at === 'unknown') continue
      const home = known.at === 'here' ? region : known.region
      if (home !== null && known.epoch > (best?.epoch ?? 0)) best = { region: home, epoch: known.epoch }
    }
    return best?.region ?? null
  }

  private findPublication(): Publication | null {
    const { publisher } = this.asked
    const found: Publication[] = []
    for (const { facts } of this.regions) {
      const sent = facts?.publisher?.facts?.published.at(-1)
      if (sent !== undefined)
        found.push({ ageMs: sent.ageMs, publisher, qos: sent.qos, reason: sent.reason, passed: null })
      const passed = facts?.leaf.facts?.passed.findLast(
        (one) => publisher === null || one.publisher === publisher,
      )
      if (passed !== undefined)
        found.push({
          ageMs: passed.ageMs,
          publisher: passed.publisher,
          qos: passed.qos,
          reason: null,
          passed,
        })
    }
    const newest = found.reduce<Publication | null>(
      (best, one) => (best === null || one.ageMs < best.ageMs ? one : best),
      null,
    )
    if (newest === null) return null
    // Records of one age belong to one message.
    const same = found.filter(({ ageMs }) => ageMs - newest.ageMs < this.skewMs)
    const passed = same.filter((one) => one.passed !== null)
    const home = this.at(this.topicHome)?.facts?.leaf.facts?.passed ?? []
    const atHome = passed.find((one) => one.passed !== null && home.includes(one.passed))
    return {
      ageMs: Math.max(...same.map(({ ageMs }) => ageMs)),
      publisher: newest.publisher ?? passed[0]?.publisher ?? null,
      qos: newest.qos,
      reason: same.find(({ reason }) => reason !== null)?.reason ?? null,
      passed: (atHome ?? passed[0])?.passed ?? null,
    }
  }
}
