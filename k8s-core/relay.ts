// Carries envelopes to the homes and to the interested regions. Holds none: what cannot be passed on is the sender's.

import { setTimeout as sleep } from 'node:timers/promises'
import type { RegionId, Root } from '../src/id/ids.ts'
import { rootOfClient, rootOfTopic } from '../src/id/root.ts'
import type { CommandRequest, CommandResponse } from '../src/relay/command.ts'
import type { DeliverRequest, Envelope, EnvelopeResult } from '../src/relay/envelope.ts'
import type { ExplainRequest, ExplainResponse, RegionExplainRequest } from '../src/relay/explain.ts'
import type { HistoryRequest, HistorySeam } from '../src/relay/history.ts'
import { FIRST_EPOCH, type HomeAnswer, type Moved } from '../src/relay/home-answer.ts'
import type { DrainedRequest, InterestRequest, InterestResponse } from '../src/relay/interest.ts'
import type { PresenceRequest, PresenceResponse } from '../src/relay/presence.ts'
import type { ShadowRequest, ShadowResponse } from '../src/relay/shadow.ts'
import type {
  WideDrainedRequest,
  WideRequest,
  WideResponse,
  WideRetainedRequest,
  WideRetainedResponse,
} from '../src/relay/wide.ts'
import type { Directory } from './directory.ts'
import { type Edges, EdgeUnreachable } from './edges.ts'
import { EXPLAIN_STORE_MS, MOVED_TRIES_MAX } from './limits.ts'

type Addressed = DeliverRequest['envelopes'][number]

export class Relay {
  private readonly directory: Directory
  private readonly edges: Edges

  constructor(directory: Directory, edges: Edges) {
    this.directory = directory
    this.edges = edges
  }

  /** One result for each envelope, in order; regions are called side by side. */
  async pass(from: RegionId, envelopes: readonly Envelope[]): Promise<EnvelopeResult[]> {
    const results: EnvelopeResult[] = envelopes.map(() => ({ status: 'moved' }))
    let open = envelopes.map((_, i) => i)
    for (let tries = 0; tries < MOVED_TRIES_MAX && open.length > 0; tries++) {
      const groups = await this.address(from, envelopes, open, tries > 0, results)
      await Promise.all([...groups].map(([region, group]) => this.deliver(region, group, results)))
      // A home that has moved is looked up anew; a region that refuses a lower epoch has the last word.
      open = open.filter((i) => results[i]?.status === 'moved' && envelopes[i]?.to.kind === 'home')
    }
    for (const i of open) results[i] = { status: 'unreachable', detail: 'the home is moving' }
    return results
  }

  async interest({ known, ...request }: InterestRequest): Promise<InterestResponse> {
    const { fleet, root, region } = request
    let newest = known
    for (let tries = 0; tries < MOVED_TRIES_MAX; tries++) {
      let home = tries === 0 ? await this.directory.guess(fleet, root, region, newest) : null
      // Not on a guess: what was remembered may be from before the home left this region, and nobody would be told.
      if (home === null || home.region === region)
        home = await this.directory.resolve(fleet, root, region, newest)
      if (home.region === region) return { home, order: request.order, clock: 0, retained: [] }
      const answer = await this.edges.interest(home.region, { ...request, epoch: home.epoch })
      if (answer.status === 'done') {
        const { order, clock, retained } = answer
        return { home, order, clock, retained }
      }
      if ((answer.home?.epoch ?? 0) > (newest?.epoch ?? 0)) newest = answer.home
    }
    throw new EdgeUnreachable(region, `the home of ${fleet}/${root} is moving`)
  }

  /** A client's last event, from its home. Asking makes no region the home. */
  async presence({ fleet, root }: Omit<PresenceRequest, 'region'>): Promise<PresenceResponse> {
    const said = await this.askHome(
      (known) => this.directory.find(fleet, root, known),
      ({ region, epoch }) => this.edges.presence(region, { fleet, root, epoch }),
    )
    if (said === null) return { status: 'done', event: null }
    return 'answer' in said ? said.answer : { status: 'unreachable', region: said.region }
  }

  /** What the other regions know of a receiver and a topic, and where the directory says that their homes are. */
  async explain({ region: from, ...asked }: ExplainRequest): Promise<ExplainResponse> {
    const begun = Date.now()
    const { fleet, device, topic } = asked
    const find = (root: Root) => this.directory.find(fleet, root)
    const found = Promise.all([find(rootOfClient(device)), find(rootOfTopic(topic))]).then(
      ([receiver, ofTopic]) => ({ receiver, topic: ofTopic }),
    )
    const [homes, regions] = await Promise.all([
      // The store may be what is wrong.
      Promise.race([found, sleep(EXPLAIN_STORE_MS, null)]).catch(() => null),
      Promise.all(this.others(from).map((region) => this.explainAt(region, asked))),
    ])
    return { homes, tookMs: Date.now() - begun, regions }
  }

  private async explainAt(
    region: RegionId,
    asked: RegionExplainRequest,
  ): Promise<ExplainResponse['regions'][number]> {
    const begun = Date.now()
    try {
      const facts = await this.edges.explain(region, asked)
      return { region, tookMs: Date.now() - begun, facts, problem: null }
    } catch (cause) {
      if (!(cause instanceof EdgeUnreachable)) throw cause
      return { region, tookMs: Date.now() - begun, facts: null, problem: cause.message }
    }
  }

  /**
   * Asks the home. Where its region does not answer, a reader gets what that had synced.
   * @param request without a region where it comes from none: then it makes no region the home
   * @param synced the shadow as the store has it
   */
  async shadow(
    request: Omit<ShadowRequest, 'region'> & { readonly region: RegionId | null },
    synced: () => Promise<string | null>,
  ): Promise<ShadowResponse> {
    const { fleet, root, region: from, ...asked } = request
    const said = await this.askHome(
      (known) =>
        asked.verb === 'update' && from !== null
          ? this.directory.resolve(fleet, root, from, known)
          : this.directory.find(fleet, root, known),
      ({ region, epoch }) => this.edges.shadow(region, { fleet, root, epoch, ...asked }),
    )
    if (said === null) return { status: 'unknown' }
    if ('answer' in said) return said.answer
    const { region } = said
    return said.silent && asked.verb === 'get'
      ? { status: 'synced', region, shadow: await synced() }
      : { status: 'unreachable', region }
  }

  /** How far the home has kept messages, all of which the store has; null where there is no home. Or its region, which does not say. */
  async historySeam({
    fleet,
    root,
  }: Pick<HistoryRequest, 'fleet' | 'root'>): Promise<{ seam: HistorySeam | null } | { region: RegionId }> {
    const said = await this.askHome(
      (known) => this.directory.find(fleet, root, known),
      ({ region, epoch }) => this.edges.historySeam(region, { fleet, root, epoch }),
    )
    if (said === null) return { seam: null }
    return 'answer' in said ? { seam: said.answer.seam } : { region: said.region }
  }

  /** A call of a device, to its home. Calling makes no region the home. */
  async command({ fleet, root, asked }: Omit<CommandRequest, 'region'>): Promise<CommandResponse> {
    const said = await this.askHome(
      (known) => this.directory.find(fleet, root, known),
      ({ region, epoch }) => this.edges.command(region, { fleet, root, epoch, asked }),
    )
    if (said === null) return { status: 'unknown' }
    return 'answer' in said ? said.answer : { status: 'unreachable', region: said.region }
  }

  /**
   * Nothing that a home has accepted is on its way to the region. A home that has moved may have left something in any
   * region's outbox. Rejects unless each that is asked says so.
   */
  async drained({ fleet, root, region, known }: DrainedRequest): Promise<void> {
    const home = await this.directory.resolve(fleet, root, region, known)
    const homes = home.epoch > FIRST_EPOCH ? this.edges.regions : [home.region]
    const others = homes.filter((one) => one !== region)
    const said = await Promise.all(others.map((one) => this.edges.drained(one, { fleet, root, region })))
    // Of a home that has never moved, for all that the directory knows, no other region was asked.
    const newest = said.map((one) => one.home).find((one) => one !== null && one.epoch > FIRST_EPOCH)
    if (home.epoch === FIRST_EPOCH && newest) await this.drained({ fleet, root, region, known: newest })
  }

  /** Tells all other regions of one's wide filters. Rejects with `EdgeUnreachable` unless each has answered. */
  async wide(request: WideRequest): Promise<WideResponse> {
    const regions = await Promise.all(
      this.others(request.region).map(async (region) => ({
        region,
        ...(await this.edges.wide(region, request)),
      })),
    )
    return { regions }
  }

  /** Resolves when nothing is on its way to the region's wide filters. Rejects unless every other region says so. */
  async wideDrained(request: WideDrainedRequest): Promise<void> {
    await Promise.all(this.others(request.region).map((region) => this.edges.wideDrained(region, request)))
  }

  /** A page of one region's retained messages; regions come in order. */
  async wideRetained({ region: from, after, ...wanted }: WideRetainedRequest): Promise<WideRetainedResponse> {
    const others = this.others(from)
    const region = after === null ? others[0] : others.find((other) => other >= after.region)
    if (region === undefined) return { records: new Uint8Array(0), clock: 0, next: null }
    const within =
      region === after?.region && after.root !== '' ? { root: after.root, topic: after.topic } : null
    const page = await this.edges.wideRetained(region, { ...wanted, after: within })
    if (page.next !== null) return { ...page, next: { region, ...page.next } }
    const following = others[others.indexOf(region) + 1]
    const next = following === undefined ? null : { region: following, root: '', topic: '' }
    return { ...page, next }
  }

  /** The home's answer; or its region, which does not answer (`silent`) or is always another; null where there is none. */
  private async askHome<Answer extends { readonly status: 'done' }>(
    find: (known?: HomeAnswer) => Promise<HomeAnswer | null>,
    ask: (home: HomeAnswer) => Promise<Answer | Moved>,
  ): Promise<{ answer: Answer } | { region: RegionId; silent: boolean } | null> {
    let home = await find()
    for (let tries = 0; home !== null && tries < MOVED_TRIES_MAX; tries++) {
      let known: HomeAnswer | undefined
      try {
        const answer = await ask(home)
        if (answer.status === 'done') return { answer }
        known = answer.home
      } catch (cause) {
        if (!(cause instanceof EdgeUnreachable)) throw cause
        return { region: home.region, silent: true }
      }
      home = await find(known)
    }
    return home === null ? null : { region: home.region, silent: false }
  }

  private others(region: RegionId): RegionId[] {
    return this.edges.regions.filter((other) => other !== region).sort()
  }

  private async address(
    from: RegionId,
    envelopes: readonly Envelope[],
    open: readonly number[],
    again: boolean,
    results: EnvelopeResult[],
  ): Promise<Map<RegionId, { readonly at: number; readonly addressed: Addressed }[]>> {
    const groups = new Map<RegionId, { readonly at: number; readonly addressed: Addressed }[]>()
    await Promise.all(
      open.map(async (at) => {
        const envelope = envelopes[at]
        if (envelope === undefined) return
        const { fleet, root, to } = envelope
        const told = results[at]
        let region: RegionId
        let epoch = 0
        if (to.kind !== 'home') {
          region = to.region
        } else {
          try {
            const home = again
              ? await this.directory.resolve(
                  fleet,
                  root,
                  from,
                  told?.status === 'moved' ? told.home : undefined,
                )
              : await this.directory.guess(fleet, root, from)
            region = home.region
            epoch = home.epoch
          } catch (cause) {
            results[at] = { status: 'unreachable', detail: `the directory does not answer: ${String(cause)}` }
            return
          }
        }
        const group = groups.get(region)
        const item = { at, addressed: { envelope, epoch } }
        if (group === undefined) groups.set(region, [item])
        else group.push(item)
      }),
    )
    return groups
  }

  private async deliver(
    region: RegionId,
    group: readonly { readonly at: number; readonly addressed: Addressed }[],
    results: EnvelopeResult[],
  ): Promise<void> {
    try {
      const response = await this.edges.deliver(region, {
        envelopes: group.map(({ addressed }) => addressed),
      })
      group.forEach(({ at }, i) => {
        results[at] = response.results[i] ?? { status: 'unreachable', detail: `${region} gave no result` }
      })
    } catch (cause) {
      if (!(cause instanceof EdgeUnreachable)) throw cause
      for (const { at } of group) results[at] = { status: 'unreachable', detail: cause.message }
    }
  }
}
