// The answer of `explain`: a verdict, a cause with a stable code, and the steps that led to them.
import type { RegionId } from '../id/ids.ts'

/** `unknown`: no remembered fact decides. */
export const VERDICTS = ['delivered', 'waiting', 'dropped', 'refused', 'never-sent', 'unknown'] as const
export type Verdict = (typeof VERDICTS)[number]

/** Codes are for programs, and never change; the sentence beside a code is for people. */
export const CAUSES = [
  // delivered
  'acknowledged',
  'sent-qos-0',
  'sent-unconfirmed',
  'taken-over',
  // waiting
  'not-acknowledged',
  'receive-maximum',
  'offline-queued',
  'receiver-region-unreachable',
  'home-unreachable',
  'core-unreachable',
  'on-its-way',
  'receiver-busy',
  'fail-over',
  // dropped
  'expired',
  'too-large',
  'qos-0-away',
  // refused
  'not-authorized',
  'topic-invalid',
  'queue-full',
  'outbox-full',
  'publish-refused',
  // never sent
  'never-connected',
  'session-ended',
  'session-expired',
  'session-discarded',
  'no-subscription',
  'subscribed-after',
  'no-local',
  'shared-other-member',
  'subscription-not-registered',
  'interest-not-registered',
  'wide-not-settled',
  'publisher-never-connected',
  'nothing-published',
  // unknown
  'not-remembered',
] as const
export type Cause = (typeof CAUSES)[number]

export interface Decision {
  readonly verdict: Verdict
  readonly cause: Cause
  readonly sentence: string
}

export interface Step {
  /** Null for the core. */
  readonly region: RegionId | null
  readonly part: 'core' | 'region' | 'receiver' | 'publisher' | 'topic' | 'uplink' | 'wide'
  /** The answer as a sentence; empty for none. */
  readonly said: string
  readonly tookMs: number
  /** Why there is no answer; null if there is one. */
  readonly problem: string | null
}
