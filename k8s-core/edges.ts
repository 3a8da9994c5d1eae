// The core's calls to the edges: the schema of each answer, and its time limit.
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
  type CopyRequest,
  type CopyResponse,
  copyResponseSchema,
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
import {
  type HomePresenceRequest,
  type HomePresenceResponse,
  homePresenceResponseSchema,
} from '../src/relay/presence.ts'
import {
  type HomeSessionRequest,
  type HomeSessionResponse,
  homeSessionResponseSchema,
} from '../src/relay/session-admin.ts'
import {
  type HomeShadowRequest,
  type HomeShadowResponse,
  homeShadowResponseSchema,
} from '../src/relay/shadow.ts'
import {
  type RegionRetainedRequest,
  type RegionRetainedResponse,
  regionRetainedResponseSchema,
  type WideAnswer,
  type WideDrainedRequest,
  type WideRequest,
  wideAnswerSchema,
} from '../src/relay/wide.ts'
import { EdgeUnreachable } from './edge-errors.ts'
import {
  EDGE_CALL_TIMEOUT_MS,
  EDGE_COMMAND_MARGIN_MS,
  EDGE_EXPLAIN_TIMEOUT_MS,
  EDGE_HANDOVER_TIMEOUT_MS,
  EDGE_NOTICE_TIMEOUT_MS,
  EDGE_PING_TIMEOUT_MS,
  EDGE_SHADOW_TIMEOUT_MS,
  EDGE_SUBSCRIBE_TIMEOUT_MS,
} from './limits.ts'

/** How a call reaches a region's edge. */
export interface EdgeTransport {
  readonly regions: RegionId[]
  /**
   * Resolves with the body of the answer; null if there is none. Rejects with `EdgeUnreachable`.
   * @param name of the call in the contract
   */
  post(region: RegionId, name: string, body: unknown, timeoutMs: number): Promise<unknown>
}

export class Edges {
  private readonly transport: EdgeTransport

  constructor(transport: EdgeTransport) {
    this.transport = transport
  }

  get regions(): RegionId[] {
    return this.transport.regions
  }

  async ping(region: RegionId): Promise<void> {
    await this.transport.post(region, 'ping', {}, EDGE_PING_TIMEOUT_MS)
  }

  async deliver(region: RegionId, request: DeliverRequest): Promise<EnvelopesResponse> {
    return this.ask(region, 'envelopes', request, envelopesResponseSchema)
  }

  async interest(region: RegionId, request: HomeInterestRequest): Promise<HomeInterestResponse> {
    return this.ask(region, 'interest', request, homeInterestResponseSchema, EDGE_SUBSCRIBE_TIMEOUT_MS)
  }

  async session(region: RegionId, request: HomeSessionRequest): Promise<HomeSessionResponse> {
    return this.ask(region, 'session', request, homeSessionResponseSchema)
  }

  async presence(region: RegionId, request: HomePresenceRequest): Promise<HomePresenceResponse> {
    return this.ask(region, 'presence', request, homePresenceResponseSchema)
  }

  /** The facts that a region's actors have about a receiver and a topic. */
  async explain(region: RegionId, request: RegionExplainRequest): Promise<RegionFacts> {
    return this.ask(region, 'explain', request, regionFactsSchema, EDGE_EXPLAIN_TIMEOUT_MS)
  }

  /** Resolves when all of the home's messages for the asking region have arrived there. */
  async drained(region: RegionId, request: DrainedRequest): Promise<DrainedResponse> {
    return this.ask(region, 'drained', request, drainedResponseSchema)
  }

  /** Gives a region the wide filters of another one. */
  async wide(region: RegionId, request: WideRequest): Promise<WideAnswer> {
    return this.ask(region, 'wide', request, wideAnswerSchema, EDGE_SUBSCRIBE_TIMEOUT_MS)
  }

  /** Resolves when all messages of this region's wide shards for the asking region have arrived there. */
  async wideDrained(region: RegionId, request: WideDrainedRequest): Promise<void> {
    await this.transport.post(region, 'wide-drained', request, EDGE_CALL_TIMEOUT_MS)
  }

  async wideRetained(region: RegionId, request: RegionRetainedRequest): Promise<RegionRetainedResponse> {
    return this.ask(region, 'wide-retained', request, regionRetainedResponseSchema, EDGE_SUBSCRIBE_TIMEOUT_MS)
  }

  /** The root's home as the leaf of that region knows it. */
  async homeKnown(region: RegionId, request: HomeKnownRequest): Promise<HomeKnown> {
    return this.ask(region, 'home-known', request, homeKnownResponseSchema, EDGE_HANDOVER_TIMEOUT_MS)
  }

  /** A page of the home's state, for a region that is about to claim it. */
  async copy(region: RegionId, request: CopyRequest): Promise<CopyResponse> {
    return this.ask(region, 'copy', request, copyResponseSchema, EDGE_HANDOVER_TIMEOUT_MS)
  }

  async handover(region: RegionId, request: HandoverRequest): Promise<HandoverResponse> {
    return this.ask(region, 'handover', request, handoverResponseSchema, EDGE_HANDOVER_TIMEOUT_MS)
  }

  async shadow(region: RegionId, request: HomeShadowRequest): Promise<HomeShadowResponse> {
    return this.ask(region, 'shadow', request, homeShadowResponseSchema, EDGE_SHADOW_TIMEOUT_MS)
  }

  /** Resolves when the store has all messages of the home's history. */
  async historySeam(region: RegionId, request: HistorySeamRequest): Promise<HistorySeamResponse> {
    return this.ask(region, 'history-seam', request, historySeamResponseSchema)
  }

  /** Sends a change of who may connect as a device. When this resolves, the device's actor there has applied the change. */
  async changedAccess(region: RegionId, request: ChangedAccessRequest): Promise<void> {
    await this.transport.post(region, 'access', request, EDGE_NOTICE_TIMEOUT_MS)
  }

  /** The home answers within the request's `holdMs`. */
  async command(region: RegionId, request: HomeCommandRequest): Promise<HomeCommandResponse> {
    const timeoutMs = request.asked.holdMs + EDGE_COMMAND_MARGIN_MS
    return this.ask(region, 'command', request, homeCommandResponseSchema, timeoutMs)
  }

  /** The old home's remainder. If that is empty, the old home has released the root. */
  async release(region: RegionId, request: ReleaseRequest): Promise<ReleaseResponse> {
    return this.ask(region, 'release', request, releaseResponseSchema)
  }

  private async ask<S extends z.ZodType>(
    region: RegionId,
    name: string,
    body: unknown,
    schema: S,
    timeoutMs = EDGE_CALL_TIMEOUT_MS,
  ): Promise<z.infer<S>> {
    const parsed = schema.safeParse(await this.transport.post(region, name, body, timeoutMs))
    if (!parsed.success) throw this.contractBroken(region, name, parsed.error)
    return parsed.data
  }

  /** An answer that breaks the contract. */
  protected contractBroken(region: RegionId, name: string, cause: Error): EdgeUnreachable {
    return new EdgeUnreachable(
      region,
      `the answer of the edge of ${region} to ${name} breaks the relay contract`,
      {
        cause,
      },
    )
  }
}
