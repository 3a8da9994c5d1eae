// A world in which everything is well: a lamp in eu that subscribed, an app in us that published. Tests change one thing.

import type { Gathered } from '../../src/explain/world.ts'
import type { ClientId, RegionId } from '../../src/id/ids.ts'
import type {
  ExplainAsked,
  LeafFacts,
  PublisherFacts,
  ReceiverFacts,
  RegionFacts,
  Said,
  UplinkFacts,
  WideFacts,
} from '../../src/relay/explain.ts'

export const EU = 'eu' as RegionId
export const US = 'us' as RegionId
export const LAMP = 'lamp' as ClientId
export const APP = 'app' as ClientId
export const TOPIC = 'rooms/1/light'

export type Session = NonNullable<ReceiverFacts['session']>
export type Lane = UplinkFacts['lanes'][number]

export interface Changes {
  readonly asked?: Partial<ExplainAsked>
  readonly receiver?: Partial<ReceiverFacts>
  readonly session?: Partial<Session>
  /** In eu, where the topic's home is unless `topicHome` says otherwise. */
  readonly leaf?: Partial<LeafFacts>
  readonly leafInUs?: Partial<LeafFacts>
  readonly wide?: Partial<WideFacts>
  readonly lanesInEu?: readonly Lane[]
  readonly lanesInUs?: readonly Lane[]
  readonly publisher?: Partial<PublisherFacts>
  readonly topicHome?: RegionId | null
  readonly receiverHome?: RegionId | null
  /** us does not answer. */
  readonly usSilent?: boolean
  readonly coreSilent?: boolean
  /** Asked in us, where neither is at home. */
  readonly region?: RegionId
}

const said = <Facts>(facts: Facts): Said<Facts> => ({ tookMs: 1, facts, problem: null })
const here = { at: 'here', region: null, epoch: 1 } as const
const nowhere = { at: 'unknown', region: null, epoch: 0 } as const
const elsewhere = (region: RegionId) => ({ at: 'elsewhere', region, epoch: 1 }) as const

export const MATCHING: Session['matching'][number] = {
  filter: 'rooms/1/#',
  qos: 1,
  noLocal: false,
  registered: true,
  ageMs: 60_000,
}

const SESSION: Session = {
  connected: true,
  disconnectedMs: null,
  expirySeconds: 3600,
  subscriptions: 1,
  matching: [MATCHING],
  queue: { messages: 0, bytes: 0, full: false, ofTopic: 0, expired: 0 },
  window: { size: 128, free: 128, inFlight: 0 },
  maximumPacketSize: 1_000,
}

const PRESENCE = {
  client: 'lamp',
  state: 'connected' as const,
  epoch: 1,
  sequence: 1,
  region: EU,
  at: '2026-01-01T00:00:00.000Z',
}

export const PASSED: LeafFacts['passed'][number] = {
  ageMs: 5_000,
  qos: 1,
  trace: null,
  publisher: 'app',
  retain: false,
  toReceiver: true,
  toRegions: [],
}

const LEAF: LeafFacts = {
  memoryMs: 90_000,
  home: here,
  moving: false,
  mayHearLate: false,
  subscribed: ['rooms/1/#'],
  interested: [],
  retained: false,
  backlogged: false,
  shares: [],
  passed: [PASSED],
}

const NO_WIDE: WideFacts = { filters: [], synced: true, wanting: [], shares: [] }

export function lane(more: Partial<Lane>): Lane {
  return {
    kind: 'home',
    region: EU,
    messages: 2,
    stored: 2,
    ofTopic: 1,
    oldestMs: 7_000,
    full: false,
    failingMs: 6_000,
    problem: 'not reached',
    ...more,
  }
}

export function gathered(changes: Changes = {}): Gathered {
  const { receiverHome = EU, topicHome = EU, region = EU } = changes
  const asked = { device: LAMP, topic: TOPIC, publisher: null, trace: null, ...changes.asked }
  const session = { ...SESSION, ...changes.session }
  const receiver: ReceiverFacts = {
    memoryMs: 90_000,
    home: here,
    mayHearLate: false,
    presence: PRESENCE,
    takenOverMs: null,
    session,
    received: [],
    lost: [],
    ...changes.receiver,
  }
  const nobody: ReceiverFacts = {
    ...receiver,
    home: elsewhere(EU),
    presence: null,
    session: null,
    received: [],
    lost: [],
  }
  const publisher: PublisherFacts = {
    memoryMs: 90_000,
    home: here,
    connected: true,
    presence: null,
    published: [{ ageMs: 5_001, qos: 1, trace: null, reason: 0 }],
    ...changes.publisher,
  }
  const isAsked = asked.publisher !== null
  const eu: RegionFacts = {
    receiver: said(receiver),
    leaf: said({
      ...LEAF,
      ...(topicHome !== EU && { home: topicHome === null ? nowhere : elsewhere(US), passed: [] }),
      ...changes.leaf,
    }),
    uplink: said({ lanes: [...(changes.lanesInEu ?? [])], outboxMessages: 0 }),
    wide: said({ ...NO_WIDE, ...changes.wide }),
    publisher: isAsked ? said({ ...publisher, home: elsewhere(US), connected: false, published: [] }) : null,
  }
  const us: RegionFacts = {
    receiver: said(nobody),
    leaf: said({
      ...LEAF,
      home: topicHome === null ? nowhere : topicHome === US ? here : elsewhere(EU),
      subscribed: [],
      passed: [],
      ...changes.leafInUs,
    }),
    uplink: said({ lanes: [...(changes.lanesInUs ?? [])], outboxMessages: 0 }),
    wide: said(NO_WIDE),
    publisher: isAsked ? said(publisher) : null,
  }
  const other = region === EU ? US : EU
  const silent = changes.usSilent === true && other === US
  return {
    asked,
    region,
    here: region === EU ? eu : us,
    core:
      changes.coreSilent === true
        ? { tookMs: 900, facts: null, problem: 'no answer within 900 ms' }
        : said({
            homes: {
              receiver: receiverHome === null ? null : { region: receiverHome, epoch: 1 },
              topic: topicHome === null ? null : { region: topicHome, epoch: 1 },
            },
            tookMs: 2,
            regions: [
              silent
                ? { region: other, tookMs: 700, facts: null, problem: 'not reached' }
                : { region: other, tookMs: 2, facts: other === US ? us : eu, problem: null },
            ],
          }),
  }
}
