// The edges as the core calls them: HTTP, signed, with a bounded wait.
import type { z } from 'zod'
import type { RegionId } from '../src/id/ids.ts'
import type { ChangedAccessRequest } from '../src/relay/access.ts'
import {
  type HomeCommandRequest,
  type HomeCommandResponse,
  homeCommandResponseSchema,
} from '../src/relay/command.ts'
import {
  type DeliverRequest,
  type EnvelopesResponse,
  envelopesResponseSchema,
} from '../src/relay/envelope.ts'
import { type RegionExplainRequest, type RegionFacts, regionFactsSchema } from '../src/relay/explain.ts'
import {
  type HistorySeamRequest,
  type HistorySeamResponse,
  historySeamResponseSchema,
} from '../src/relay/history.ts'
import {
  type HandoverRequest,
  type HandoverResponse,
  type HomeKnown,
  type HomeKnownRequest,
  handoverResponseSchema,
  homeKnownResponseSchema,
  type ReleaseRequest,
  type ReleaseResponse,
  releaseResponseSchema,
} from '../src/relay/home.ts'
import {
  type DrainedRequest,
  type DrainedResponse,
  drainedResponseSchema,
  type HomeInterestRequest,
  type HomeInterestResponse,
  homeInterestResponseSchema,
} from '../src/relay/interest.ts'
import { PeerVersion } from '../src/relay/peer-version.ts'
import { postRelay, relayAnswer } from '../src/relay/post.ts'
import {
  type HomePresenceRequest,
  type HomePresenceResponse,
  homePresenceResponseSchema,
} from '../src/relay/presence.ts'
import {
  type HomeShadowRequest,
  type HomeShadowResponse,
  homeShadowResponseSchema,
} from '../src/relay/shadow.ts'
import { edgeParty, RelaySigner } from '../src/relay/token.ts'
import {
  type RegionRetainedRequest,
  type RegionRetainedResponse,
  regionRetainedResponseSchema,
  type WideAnswer,
  type WideDrainedRequest,
  type WideRequest,
  wideAnswerSchema,
} from '../src/relay/wide.ts'
import {
  EDGE_CALL_TIMEOUT_MS,
  EDGE_COMMAND_MARGIN_MS,
  EDGE_EXPLAIN_TIMEOUT_MS,
  EDGE_HANDOVER_TIMEOUT_MS,
  EDGE_PING_TIMEOUT_MS,
  EDGE_SHADOW_TIMEOUT_MS,
  EDGE_SUBSCRIBE_TIMEOUT_MS,
  EDGE_TELL_TIMEOUT_MS,
} from './limits.ts'

/** An edge could not be reached, or did not answer as it should. */
export class EdgeUnreachable extends Error {
  readonly region: RegionId
  constructor(region: RegionId, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EdgeUnreachable'
    this.region = region
  }
}

/** It does not answer at all: the region may be lost. Whatever answers, with an error too, is there. */
export class EdgeSilent extends EdgeUnreachable {}

export class Edges {
  private readonly urls: ReadonlyMap<RegionId, string>
  private readonly signer: RelaySigner
  private readonly versions = new Map<RegionId, PeerVersion>()

  /** @param urls where each region's edge is, without a slash at the end */
  constructor(urls: ReadonlyMap<RegionId, string>, relaySecret: string) {
    this.urls = urls
    this.signer = new RelaySigner(relaySecret, 'core')
  }

  get regions(): RegionId[] {
    return [...this.urls.keys()]
  }

  async ping(region: RegionId): Promise<void> {
    await this.post(region, 'ping', {}, EDGE_PING_TIMEOUT_MS)
  }

  async deliver(region: RegionId, request: DeliverRequest): Promise<EnvelopesResponse> {
    return this.ask(region, 'envelopes', request, envelopesResponseSchema)
  }

  async interest(region: RegionId, request: HomeInterestRequest): Promise<HomeInterestResponse> {
    return this.ask(region, 'interest', request, homeInterestResponseSchema, EDGE_SUBSCRIBE_TIMEOUT_MS)
  }

  async presence(region: RegionId, request: HomePresenceRequest): Promise<HomePresenceResponse> {
    return this.ask(region, 'presence', request, homePresenceResponseSchema)
  }

  /** What a region's actors know of a receiver and a topic. */
  async explain(region: RegionId, request: RegionExplainRequest): Promise<RegionFacts> {
    return this.ask(region, 'explain', request, regionFactsSchema, EDGE_EXPLAIN_TIMEOUT_MS)
  }

  /** The home's messages for another region have all arrived there. */
  async drained(region: RegionId, request: DrainedRequest): Promise<DrainedResponse> {
    return this.ask(region, 'drained', request, drainedResponseSchema)
  }

  /** Another region's wide filters, for this one to know. */
  async wide(region: RegionId, request: WideRequest): Promise<WideAnswer> {
    return this.ask(region, 'wide', request, wideAnswerSchema, EDGE_SUBSCRIBE_TIMEOUT_MS)
  }

  /** What this region's wide shards had sent to another one has all arrived there. */
  async wideDrained(region: RegionId, request: WideDrainedRequest): Promise<void> {
    await this.post(region, 'wide-drained', request, EDGE_CALL_TIMEOUT_MS)
  }

  async wideRetained(region: RegionId, request: RegionRetainedRequest): Promise<RegionRetainedResponse> {
    return this.ask(region, 'wide-retained', request, regionRetainedResponseSchema, EDGE_SUBSCRIBE_TIMEOUT_MS)
  }

  /** What the leaf there knows of its root's home. */
  async homeKnown(region: RegionId, request: HomeKnownRequest): Promise<HomeKnown> {
    return this.ask(region, 'home-known', request, homeKnownResponseSchema, EDGE_HANDOVER_TIMEOUT_MS)
  }

  async handover(region: RegionId, request: HandoverRequest): Promise<HandoverResponse> {
    return this.ask(region, 'handover', request, handoverResponseSchema, EDGE_HANDOVER_TIMEOUT_MS)
  }

  async shadow(region: RegionId, request: HomeShadowRequest): Promise<HomeShadowResponse> {
    return this.ask(region, 'shadow', request, homeShadowResponseSchema, EDGE_SHADOW_TIMEOUT_MS)
  }

  /** Waits for the store to have what the home has kept. */
  async historySeam(region: RegionId, request: HistorySeamRequest): Promise<HistorySeamResponse> {
    return this.ask(region, 'history-seam', request, historySeamResponseSchema)
  }

  /** Who may connect as a device has changed: its actor there knows, when this resolves, and has acted on it. */
  async changedAccess(region: RegionId, request: ChangedAccessRequest): Promise<void> {
    await this.post(region, 'access', request, EDGE_TELL_TIMEOUT_MS)
  }

  /** Held by the home as long as the request says. */
  async command(region: RegionId, request: HomeCommandRequest): Promise<HomeCommandResponse> {
    const timeoutMs = request.asked.holdMs + EDGE_COMMAND_MARGIN_MS
    return this.ask(region, 'command', request, homeCommandResponseSchema, timeoutMs)
  }

  /** What was late; with nothing late, the old home has let go. */
  async release(region: RegionId, request: ReleaseRequest): Promise<ReleaseResponse> {
    return this.ask(region, 'release', request, releaseResponseSchema)
  }

  private versionOf(region: RegionId): PeerVersion {
    let version = this.versions.get(region)
    if (version === undefined) {
      version = new PeerVersion()
      this.versions.set(region, version)
    }
    return version
  }

  private async ask<S extends z.ZodType>(
    region: RegionId,
    name: string,
    body: unknown,
    schema: S,
    timeoutMs = EDGE_CALL_TIMEOUT_MS,
  ): Promise<z.infer<S>> {
    const parsed = schema.safeParse(await this.post(region, name, body, timeoutMs))
    if (!parsed.success) throw this.strange(region, name, parsed.error)
    return parsed.data
  }

  /** An answer that is not as the contract says. */
  protected strange(region: RegionId, name: string, cause: Error): EdgeUnreachable {
    return new EdgeUnreachable(region, `the edge of ${region} answered ${name} strangely`, { cause })
  }

  /** Resolves with the answer's JSON, or null where it has none. */
  protected async post(region: RegionId, name: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const url = this.urls.get(region)
    if (url === undefined) throw new EdgeUnreachable(region, `no edge is known for ${region}`)
    let response: Response
    try {
      response = await postRelay({
        base: url,
        version: this.versionOf(region),
        path: `${region}/${name}`,
        headers: { authorization: await this.signer.authorization(edgeParty(region)) },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      })
    } catch (cause) {
      throw new EdgeSilent(region, `the edge of ${region} was not reached for ${name}: ${reasonOf(cause)}`, {
        cause,
      })
    }
    if (!response.ok) {
      const text = (await response.text()).slice(0, 300)
      throw new EdgeUnreachable(
        region,
        `the edge of ${region} answered ${name} with ${response.status}: ${text}`,
      )
    }
    // Views: what is passed on leaves before the answer does.
    return relayAnswer(response, true).catch((cause) => {
      throw new EdgeSilent(region, `the edge of ${region} broke off its answer to ${name}`, { cause })
    })
  }
}

/** Node says only "fetch failed", and why in the cause. */
function reasonOf(cause: unknown): string {
  return String(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause)
}
