// What a DeviceActor answers to other actors, to the HTTP API and to the relay, beyond what it answers as a leaf.
import type { Access } from '../../src/relay/access.ts'
import type { CommandAsked, HomeCommandResponse } from '../../src/relay/command.ts'
import type { ExplainAsked, PublisherFacts, ReceiverFacts } from '../../src/relay/explain.ts'
import type { HomePresenceResponse } from '../../src/relay/presence.ts'
import type { HomeSessionResponse, SessionVerb } from '../../src/relay/session-admin.ts'
import type { HomeShadowResponse, ShadowAsked } from '../../src/relay/shadow.ts'
import type { LeafPeer } from '../leaf/leaf-peer.ts'

/** Recognises a request that is sent again. */
export interface IdempotencyKey {
  readonly name: string
  /** A digest of the request: the same key with another request is refused. */
  readonly request: string
}

export type PublishReply =
  /** A reason code for each. */
  | { readonly status: 'done'; readonly outcomes: Uint8Array }
  /** An earlier request with the same key was another one. */
  | { readonly status: 'other-request' }

export interface DevicePeer extends LeafPeer {
  /** A leaf is about to begin its root for this client. @returns false if the client has begun as many as it may */
  beginsRoot(): Promise<boolean>
  /** Publishes as the actor's client, in order. @param batch message records */
  publishOwn(batch: Uint8Array, key: IdempotencyKey | null): Promise<PublishReply>
  /** A request to a shadow by HTTP. @param epoch of the home that the core takes this region for; null: answers only if the home is known */
  shadow(asked: ShadowAsked, epoch: number | null): Promise<HomeShadowResponse>
  /** Calls the device, or asks for the outcome of a call. @param epoch as for `shadow` */
  command(asked: CommandAsked, epoch: number | null): Promise<HomeCommandResponse>
  /** Deliveries for a session; an outcome for each. */
  deliver(session: string, batch: Uint8Array): Promise<Uint8Array>
  /** The last presence event. @param epoch as for `shadow` */
  presence(epoch: number | null): Promise<HomePresenceResponse>
  /** What an administrator asks of the session. @param epoch as for `shadow` */
  session(verb: SessionVerb, epoch: number | null): Promise<HomeSessionResponse>
  /** The registry has changed who may connect. @param clock what the sender's clock says */
  accessChanged(access: Access, clock: number): Promise<void>
  explainReceiver(asked: ExplainAsked): Promise<ReceiverFacts>
  /** The same of this client as the publisher. */
  explainPublisher(asked: ExplainAsked): Promise<PublisherFacts>
  frontOpened(front: string): Promise<void>
  /** @param batch frames */
  frontFrames(front: string, batch: Uint8Array): Promise<void>
  frontClosed(front: string): Promise<void>
}
