// What the edge asks of the core.
import type { AccessRequest, AccessResponse } from '../../src/relay/access.ts'
import type { CommandRequest, CommandResponse } from '../../src/relay/command.ts'
import type { EnvelopesResponse, OutgoingEnvelopesRequest } from '../../src/relay/envelope.ts'
import type { ExplainRequest, ExplainResponse } from '../../src/relay/explain.ts'
import type { HistoryRequest, HistoryResponse } from '../../src/relay/history.ts'
import type {
  ClaimRequest,
  ClaimResponse,
  ImportedRequest,
  ImportedResponse,
  ResolveRequest,
  ResolveResponse,
} from '../../src/relay/home.ts'
import type { DrainedRequest, InterestRequest, InterestResponse } from '../../src/relay/interest.ts'
import type { PresenceRequest, PresenceResponse } from '../../src/relay/presence.ts'
import type { ProvisionRequest, ProvisionResponse } from '../../src/relay/provision.ts'
import type { SessionRequest, SessionResponse } from '../../src/relay/session-admin.ts'
import type { ShadowRequest, ShadowResponse } from '../../src/relay/shadow.ts'
import type { SyncRequest, SyncResponse } from '../../src/relay/sync.ts'
import type {
  WideDrainedRequest,
  WideRequest,
  WideResponse,
  WideRetainedRequest,
  WideRetainedResponse,
} from '../../src/relay/wide.ts'

/** Each call rejects with `CoreUnreachable` if the core, or a part that the core needs, cannot be reached. */
export interface CoreClient {
  resolve(request: ResolveRequest): Promise<ResolveResponse>
  claim(request: ClaimRequest): Promise<ClaimResponse>
  imported(request: ImportedRequest): Promise<ImportedResponse>
  interest(request: InterestRequest): Promise<InterestResponse>
  drained(request: DrainedRequest): Promise<void>
  /** @param signal when it is aborted, the call rejects: whether the envelopes arrive is not known then */
  envelopes(request: OutgoingEnvelopesRequest, signal?: AbortSignal): Promise<EnvelopesResponse>
  /** The last presence event of a client whose home is not known to be here. */
  presence(request: PresenceRequest): Promise<PresenceResponse>
  /** The facts of the other regions, and the names of regions that do not answer within a second. Claims no home. */
  explain(request: ExplainRequest): Promise<ExplainResponse>
  /** What an administrator asks of a session whose home is not known to be here. */
  session(request: SessionRequest): Promise<SessionResponse>
  sync(request: SyncRequest): Promise<SyncResponse>
  shadow(request: ShadowRequest): Promise<ShadowResponse>
  /** A page of a root's history. */
  history(request: HistoryRequest): Promise<HistoryResponse>
  /** Who may connect as a device. */
  access(request: AccessRequest): Promise<AccessResponse>
  provision(request: ProvisionRequest): Promise<ProvisionResponse>
  command(request: CommandRequest): Promise<CommandResponse>
  wide(request: WideRequest): Promise<WideResponse>
  wideDrained(request: WideDrainedRequest): Promise<void>
  wideRetained(request: WideRetainedRequest): Promise<WideRetainedResponse>
}

export class CoreUnreachable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CoreUnreachable'
  }
}
