// Passes calls from one region to others: to the home of a root, to every other region, or to one region after another.

import { setTimeout as sleep } from 'node:timers/promises'
import type { RegionId, Root } from '../src/id/ids.ts'
import { rootOfClient, rootOfTopic } from '../src/id/root.ts'
import type { CommandRequest, CommandResponse } from '../src/relay/command.ts'
import type { Envelope, EnvelopeResult } from '../src/relay/envelope.ts'
import type { ExplainRequest, ExplainResponse, RegionExplainRequest } from '../src/relay/explain.ts'
import type { HistoryRequest, HistorySeam } from '../src/relay/history.ts'
import { FIRST_EPOCH, type HomeAnswer, type Moved } from '../src/relay/home-answer.ts'
import type { DrainedRequest, InterestRequest, InterestResponse } from '../src/relay/interest.ts'
import type { PresenceRequest, PresenceResponse } from '../src/relay/presence.ts'
import type { SessionRequest, SessionResponse } from '../src/relay/session-admin.ts'
import type { ShadowRequest, ShadowResponse } from '../src/relay/shadow.ts'
import type {
  WideDrainedRequest,
  WideRequest,
  WideResponse,
  WideRetainedRequest,
  WideRetainedResponse,
} from '../src/relay/wide.ts'
import type { Directory } from './directory.ts'
import { EdgeUnreachable } from './edge-errors.ts'
import type { Edges } from './edges.ts'
import { EnvelopeRouter } from './envelope-router.ts'
import { EXPLAIN_STORE_MS, MOVED_TRIES_MAX } from './limits.ts'

export class Relay {
  private readonly directory: Directory
  private readonly edges: Edges
  private readonly router: EnvelopeRouter

  constructor(directory: Directory, edges: Edges) {
    this.directory = directory
    this.edges = edges
    this.router = new EnvelopeRouter(directory, edges)
  }

  /** One result for each envelope, in order. */
  pass(from: RegionId, envelopes: readonly Envelope[]): Promise<EnvelopeResult[]> {
    return this.router.pass(from, envelopes)
  }

  async interest({ known, ...request }: InterestRequest): Promise<InterestResponse> {
    const { fleet, root, region } = request
    let newest = known
    for (let tries = 0; tries < MOVED_TRIES_MAX; tries++) {
      let home = tries === 0 ? await this.directory.guess(fleet, root, region, newest) : null
      // Not on a guess: the home may have left this region since, and the region would miss its messages.
      if (home === null || home.region === region)
        home = await this.directory.resolve(fleet, root, region, newest)
      if (home.region === region) return { home, order: request.order, clock: 0, retained: [] }
      const answer = await this.edges.interest(home.region, { ...request, epoch: home.epoch })
      if (answer.status === 'done') {
        const { status: _, ...answered } = answer
        return { home, ...answered }
      }
      if ((answer.home?.epoch ?? 0) > (newest?.epoch ?? 0)) newest = answer.home
    }
    throw new EdgeUnreachable(region, `the home of ${fleet}/${root} is moving`)
  }

  /** The last presence event of a client, from its home. Asking makes no region the home. */
  async presence({ fleet, root }: Omit<PresenceRequest, 'region'>): Promise<PresenceResponse> {
    const said = await this.askHome(
      (known) => this.directory.findForReader(fleet, root, known),
      ({ region, epoch }) => this.edges.presence(region, { fleet, root, epoch }),
    )
    if (said === null) return { status: 'done', event: null }
    return 'answer' in said ? said.answer : { status: 'unreachable', region: said.region }
  }

  /** What an administrator asks of a client's session, from its home. Asking makes no region the home. */
  async session({ fleet, root, verb }: Omit<SessionRequest, 'region'>): Promise<SessionResponse> {
    const said = await this.askHome(
      (known) => this.directory.find(fleet, root, known),
      ({ region, epoch }) => this.edges.session(region, { fleet, root, epoch, verb }),
    )
    if (said === null) return { status: 'done', session: null, purged: 0 }
    return 'answer' in said ? said.answer : { status: 'unreachable', region: said.region }
  }

  /** The other regions' facts of a receiver and a topic, and the homes of both by the directory. */
  async explain({ region: from, ...asked }: ExplainRequest): Promise<ExplainResponse> {
    const begun = Date.now()
    const { fleet, device, topic } = asked
    const find = (root: Root) => this.directory.findForReader(fleet, root)
    const found = Promise.all([find(rootOfClient(device)), find(rootOfTopic(topic))]).then(
      ([receiver, ofTopic]) => ({ receiver, topic: ofTopic }),
    )
    const [homes, regions] = await Promise.all([
      // The store itself may be the cause that is looked for.
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
   * Asks the home for a shadow. If its region does not answer, a reader gets the shadow that was last synced.
   * @param request with a null region if it comes from no edge. It then makes no region the home
   * @param synced the shadow as the store has it
   */
  async shadow(
    request: Omit<ShadowRequest, 'region'> & { readonly region: RegionId | null },
    synced: () => Promise<string | null>,
  ): Promise<ShadowResponse> {
    const { fleet, root, region: from, ...asked } = request
    const said = await this.askHome(
      (known) => {
        if (asked.verb === 'get') return this.directory.findForReader(fleet, root, known)
        return asked.verb === 'update' && from !== null
          ? this.directory.resolve(fleet, root, from, known)
          : this.directory.find(fleet, root, known)
      },
      ({ region, epoch }) => this.edges.shadow(region, { fleet, root, epoch, ...asked }),
    )
    if (said === null) return { status: 'unknown' }
    if ('answer' in said) return said.answer
    const { region } = said
    return said.silent && asked.verb === 'get'
      ? { status: 'synced', region, shadow: await synced() }
      : { status: 'unreachable', region }
  }

  /** How far the store has the home's history. Null if the root has no home; the home's region if that does not answer. */
  async historySeam({
    fleet,
    root,
  }: Pick<HistoryRequest, 'fleet' | 'root'>): Promise<{ seam: HistorySeam | null } | { region: RegionId }> {
    const said = await this.askHome(
      (known) => this.directory.findForReader(fleet, root, known),
      ({ region, epoch }) => this.edges.historySeam(region, { fleet, root, epoch }),
    )
    if (said === null) return { seam: null }
    return 'answer' in said ? { seam: said.answer.seam } : { region: said.region }
  }

  /** Passes the call of a device to its home. Calling makes no region the home. */
  async command({ fleet, root, asked }: Omit<CommandRequest, 'region'>): Promise<CommandResponse> {
    const said = await this.askHome(
      (known) => this.directory.find(fleet, root, known),
      ({ region, epoch }) => this.edges.command(region, { fleet, root, epoch, asked }),
    )
    if (said === null) return { status: 'unknown' }
    return 'answer' in said ? said.answer : { status: 'unreachable', region: said.region }
  }

  /**
   * Resolves when no message that a home has accepted is on its way to the region. A home that has moved may have left messages
   * in the outbox of any region, so all are asked. Rejects unless each of them says so.
   */
  async drained({ fleet, root, region, known }: DrainedRequest): Promise<void> {
    const home = await this.directory.resolve(fleet, root, region, known)
    const homes = home.epoch > FIRST_EPOCH ? this.edges.regions : [home.region]
    const others = homes.filter((one) => one !== region)
    const said = await Promise.all(others.map((one) => this.edges.drained(one, { fleet, root, region })))
    // By the directory this home never moved, so no other region was asked. Its answer says that it did move.
    const newest = said.map((one) => one.home).find((one) => one !== null && one.epoch > FIRST_EPOCH)
    if (home.epoch === FIRST_EPOCH && newest) await this.drained({ fleet, root, region, known: newest })
  }

  /** Tells all other regions the wide filters of this one. Rejects with `EdgeUnreachable` unless each has answered. */
  async wide(request: WideRequest): Promise<WideResponse> {
    const regions = await Promise.all(
      this.others(request.region).map(async (region) => ({
        region,
        ...(await this.edges.wide(region, request)),
      })),
    )
    return { regions }
  }

  /** Resolves when no message is on its way to the region's wide filters. Rejects unless every other region says so. */
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

  /**
   * The home's answer. The home's region if that does not answer (`silent`), or if each region asked names another. Null if the
   * root has no home.
   */
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
}
