// One valid sample of each schema of the contract, and places in it that are wrong when they are changed so.
import { HISTORY_SAMPLES, keptRow } from './history-samples.ts'
import { REGISTRY_SAMPLES } from './registry-samples.ts'

export interface Sample {
  readonly valid: unknown
  /** Path to a value that the schema must refuse there; the path is the field that the problem names. */
  readonly wrong: Readonly<Record<string, unknown>>
}

const root = 'rooms/42'
const where = { fleet: 'default', root, region: 'eu' }
const whereWrong = { fleet: 'Not A Fleet', root: 5, region: '1eu' }
const home = { region: 'eu', epoch: 3 }
const whereKnown = { ...where, known: home }
const whereKnownWrong = { ...whereWrong, 'known.epoch': -1 }
const subscription = {
  filter: 'rooms/42/#',
  qos: 1,
  noLocal: false,
  retainAsPublished: true,
  retainHandling: 2,
  identifier: 0,
}
const session = {
  id: 's1',
  expirySeconds: 60,
  disconnectedAt: 1_700_000_000_000,
  subscriptions: [subscription],
  lastPosition: 9,
  sentUpTo: 4,
  released: [3],
  received: [7],
  seen: ['b6f0 5'],
  queue: [{ position: 5, delivery: Uint8Array.of(0, 0, 0) }],
}
const retained = { topic: 'rooms/42/t', record: Uint8Array.of(0, 0, 0) }
const interest = { region: 'us', plain: true, shares: ['$share/g/rooms/42/#'] }
const requests = [{ verb: 'update', body: '{"state":{}}' }]
const syncedShadow = { path: 'shadow', shadow: '{"version":1}' }
const shadow = { ...syncedShadow, requests }
const lateShadow = { path: 'shadow/name/led:1', requests }
const askedShadow = { id: 'a1', path: 'shadow', verb: 'update', body: '{}' }
const askedShadowWrong = { id: '', path: 'shadow/update', verb: 'put', body: null }
const commandCall = {
  ask: 'call',
  id: 'c-1',
  name: 'reboot',
  payload: 'AA==',
  contentType: null,
  timeoutMs: 10_000,
  whenOffline: 'wait',
  kept: true,
  fingerprint: 'f',
  askedForMs: 0,
  holdMs: 10_000,
}
const commandCallWrong = {
  ask: 'tell',
  id: 'a/b',
  name: 're/boot',
  payload: '*',
  contentType: 5,
  timeoutMs: 0,
  whenOffline: 'never',
  kept: 1,
  fingerprint: '',
  askedForMs: -1,
  holdMs: 10_001,
}
const deviceAnswer = {
  status: 200,
  payload: '',
  contentType: 'text/plain',
  userProperties: [['a', 'b']],
  at: 1,
}
const command = {
  id: 'c-1',
  name: 'reboot',
  fingerprint: 'f',
  acceptedAt: 1,
  expiresAt: 2,
  answer: deviceAnswer,
}
const commandOutcome = { state: 'answered', command }
const answeredShadow = {
  status: 'done',
  body: '{}',
  error: { code: 409, message: 'Version conflict', field: null },
  version: 3,
  changedAt: 1_700_000_000_000,
}
const state = {
  clock: 1,
  session,
  retained: [retained],
  interests: [interest],
  shadows: [shadow],
  presence: [Uint8Array.of(0, 0, 0)],
  commands: [command],
}
const envelope = {
  fleet: 'default',
  root,
  to: { kind: 'region', region: 'us', epoch: 2 },
  source: 'uplink-1',
  first: 0,
  clock: 1,
  records: Uint8Array.of(0, 0, 0),
}
const presence = {
  client: 'lamp',
  state: 'disconnected',
  epoch: 3,
  sequence: 8,
  region: 'eu',
  at: '2026-01-01T00:00:00.000Z',
  reason: 0x8e,
}
const epochWrong = { epoch: -1 }
const sessionFacts = {
  client: 'lamp',
  region: 'eu',
  connected: false,
  expirySeconds: 3600,
  expiresAt: '2026-01-01T00:00:00.000Z',
  subscriptions: [{ filter: 'rooms/42/#', qos: 1 }],
  queue: { messages: 3, bytes: 300, inFlight: 0, dropped: 1 },
}
const explained = { fleet: 'default', device: 'lamp', topic: 'rooms/42/t', publisher: 'app', trace: null }
const explainedWrong = { fleet: 'F', device: 'a/b', topic: '', publisher: '', trace: '' }
const said = <Facts>(facts: Facts) => ({ tookMs: 1, facts, problem: null })
const homeKnown = { at: 'elsewhere', region: 'us', epoch: 2 }
const passedBy = { ageMs: 10, qos: 1, trace: 't' }
const regionFacts = {
  receiver: said({
    memoryMs: 5,
    home: homeKnown,
    mayHearLate: false,
    presence,
    takenOverMs: null,
    session: {
      connected: true,
      disconnectedMs: null,
      expirySeconds: 60,
      subscriptions: 1,
      matching: [{ filter: 'rooms/#', qos: 1, noLocal: false, registered: true, ageMs: null }],
      queue: { messages: 1, bytes: 20, full: false, ofTopic: 1, expired: 0 },
      window: { size: 128, free: 127, inFlight: 1 },
      maximumPacketSize: 100,
    },
    received: [{ ...passedBy, fate: 'stored' }],
    lost: [{ why: 'expired', messages: 1, ageMs: 3 }],
  }),
  leaf: said({
    memoryMs: 5,
    home: homeKnown,
    moving: false,
    mayHearLate: false,
    subscribed: ['rooms/42/#'],
    interested: ['us'],
    retained: false,
    backlogged: false,
    shares: [{ share: '$share/g/rooms/42/#', members: 2, last: 'app' }],
    passed: [{ ...passedBy, publisher: 'app', retain: false, toReceiver: true, toRegions: ['us'] }],
  }),
  uplink: said({
    lanes: [
      {
        kind: 'home',
        region: null,
        messages: 1,
        stored: 1,
        ofTopic: 1,
        oldestMs: 4,
        full: false,
        failingMs: 3,
        problem: 'x',
      },
    ],
    outboxMessages: 1,
  }),
  wide: said({
    filters: [{ filter: 'rooms/#', settled: true }],
    synced: true,
    wanting: ['us'],
    shares: [],
  }),
  publisher: said({
    memoryMs: 5,
    home: homeKnown,
    connected: true,
    presence: null,
    published: [{ ...passedBy, reason: 0 }],
  }),
}
const regionFactsWrong = {
  'receiver.tookMs': -1,
  'receiver.facts.home.at': 'there',
  'receiver.facts.session.queue.ofTopic': -1,
  'receiver.facts.session.matching.0.qos': 3,
  'receiver.facts.received.0.fate': 'lost',
  'receiver.facts.lost.0.why': 'x',
  'leaf.facts.passed.0.ageMs': -1,
  'leaf.facts.interested.0': 'U',
  'uplink.facts.lanes.0.kind': 'x',
  'wide.facts.filters.0.settled': 1,
  'publisher.facts.published.0.reason': 256,
}
const released = {
  done: false,
  session: 's1',
  late: new Uint8Array(0),
  upTo: 7,
  clock: 1,
  retained: [
    { ...retained, epoch: 1 },
    { topic: 'rooms/42/gone', record: null, epoch: 2 },
  ],
  shadows: [lateShadow],
  subscriptions: [
    { filter: 'rooms/42/#', subscription: session.subscriptions[0] },
    { filter: 'rooms/43/#', subscription: null },
  ],
}
const releasedWrong = {
  done: 'yes',
  session: null,
  late: 'A',
  upTo: -1,
  'retained.0.record': '-',
  'shadows.0.path': 'shadow/name/',
  'subscriptions.1.filter': '',
}
const { queue: _queue, ...withoutQueue } = session
const change = {
  fleet: 'default',
  root,
  epoch: 1,
  version: 7,
  clock: 2,
  since: 1,
  session: withoutQueue,
  interests: [interest],
  queue: [{ session: 's1', position: 5, delivery: null }],
  retained: [retained],
  shadows: [syncedShadow, { path: 'shadow/name/$x', shadow: null }],
  queueVoidUpTo: 3,
  retainedVoidUpTo: null,
  shadowsVoidUpTo: null,
  history: [keptRow],
}
const changeWrong = {
  fleet: '',
  root: 1,
  ...epochWrong,
  version: 2 ** 40,
  'session.id': 5,
  'interests.0.plain': 0,
  'queue.0.position': 0,
  'queue.0.delivery': '*',
  'retained.0.record': '-',
  'shadows.0.shadow': 1,
  queueVoidUpTo: -1,
  retainedVoidUpTo: 'all',
  shadowsVoidUpTo: 0.5,
  'history.0.ttlSeconds': 0,
  since: 'now',
}

export const SAMPLES: Readonly<Record<string, Sample>> = {
  ...HISTORY_SAMPLES,
  ...REGISTRY_SAMPLES,
  clockSchema: { valid: 1_700_000_000_000.5, wrong: { '': 'noon' } },
  bytesSchema: { valid: Uint8Array.of(0, 0), wrong: { '': 'AAA' } },
  base64Schema: { valid: 'AAA=', wrong: { '': 'AAA' } },
  fleetSchema: { valid: 'default', wrong: { '': 'UPPER' } },
  regionSchema: { valid: 'eu', wrong: { '': '' } },
  rootSchema: { valid: root, wrong: { '': null } },
  epochSchema: { valid: 0, wrong: { '': 1.5 } },
  homeSchema: { valid: home, wrong: { region: 'EU', epoch: -1 } },
  movedSchema: { valid: { status: 'moved', home }, wrong: { status: 'done', 'home.region': '' } },
  knownSchema: { valid: home, wrong: { region: 1, epoch: 0.5 } },
  resolveRequestSchema: { valid: whereKnown, wrong: whereKnownWrong },
  resolveResponseSchema: { valid: { home }, wrong: { 'home.region': '', 'home.epoch': '3' } },
  subscriptionSchema: {
    valid: subscription,
    wrong: { filter: '', qos: 3, noLocal: 0, retainAsPublished: null, retainHandling: 3, identifier: -1 },
  },
  sessionStateSchema: {
    valid: session,
    wrong: {
      id: 1,
      expirySeconds: -1,
      disconnectedAt: null,
      'subscriptions.0.qos': 7,
      lastPosition: 1.5,
      sentUpTo: '4',
      'released.0': 0,
      'received.0': 65_536,
      'seen.0': '',
      'queue.0.position': null,
      'queue.0.delivery': '*',
    },
  },
  retainedSchema: { valid: retained, wrong: { topic: 1, record: '-' } },
  handoverStateSchema: {
    valid: state,
    wrong: {
      'session.id': null,
      'retained.0.record': '=',
      'interests.0.region': 'U S',
      'shadows.0.shadow': null,
      'presence.0': '*',
      'commands.0.expiresAt': '2',
    },
  },
  shadowPathSchema: { valid: 'shadow/name/a_b-c', wrong: { '': 'shadow/name/a/b' } },
  shadowRowSchema: { valid: shadow, wrong: { path: '', shadow: null, 'requests.0.verb': 'get' } },
  shadowAskedSchema: { valid: askedShadow, wrong: askedShadowWrong },
  shadowRequestSchema: { valid: { ...askedShadow, ...where }, wrong: { ...askedShadowWrong, ...whereWrong } },
  homeShadowRequestSchema: {
    valid: { ...askedShadow, fleet: 'default', root, epoch: 2 },
    wrong: { ...askedShadowWrong, fleet: '', root: 7, ...epochWrong },
  },
  homeShadowResponseSchema: {
    valid: answeredShadow,
    wrong: { status: 'synced', body: null, 'error.code': '409', version: 1.5, changedAt: 'now' },
  },
  shadowResponseSchema: {
    valid: { status: 'synced', region: 'eu', shadow: null },
    wrong: { status: 'moved', region: 'E', shadow: 1 },
  },
  commandIdSchema: { valid: 'a-B_9', wrong: { '': 'a b' } },
  commandNameSchema: { valid: 'led:on.1-x', wrong: { '': '' } },
  commandCallSchema: { valid: commandCall, wrong: commandCallWrong },
  commandAskedSchema: {
    valid: { ask: 'look', id: 'c-1', holdMs: 0 },
    wrong: { ask: 'see', id: '', holdMs: -1 },
  },
  deviceAnswerSchema: {
    valid: deviceAnswer,
    wrong: { status: 600, payload: '*', contentType: 0, 'userProperties.0': ['a'], at: null },
  },
  commandRowSchema: {
    valid: command,
    wrong: { id: '+', name: '#', fingerprint: '', acceptedAt: 'x', expiresAt: null, 'answer.status': 99 },
  },
  commandOutcomeSchema: { valid: commandOutcome, wrong: { state: 'perhaps', 'command.answer': 1 } },
  commandRequestSchema: {
    valid: { ...where, asked: commandCall },
    wrong: { ...whereWrong, 'asked.name': '' },
  },
  homeCommandRequestSchema: {
    valid: { fleet: 'default', root, epoch: 2, asked: commandCall },
    wrong: { fleet: '', root: 7, ...epochWrong, 'asked.timeoutMs': 604_800_001 },
  },
  homeCommandResponseSchema: {
    valid: { status: 'done', outcome: commandOutcome },
    wrong: { status: 'unknown', 'outcome.state': 'moved' },
  },
  commandResponseSchema: {
    valid: { status: 'done', outcome: { state: 'offline', why: 'away', presence } },
    wrong: { status: 'moved', 'outcome.why': 'asleep', 'outcome.presence.state': 1 },
  },
  lateShadowSchema: {
    valid: lateShadow,
    wrong: { path: 'name', 'requests.0.verb': 'get', 'requests.0.body': {} },
  },
  handoverResponseSchema: { valid: { state }, wrong: { 'state.interests': 'us' } },
  regionInterestSchema: {
    valid: interest,
    wrong: { region: 'U S', plain: 1, 'shares.0': '' },
  },
  claimRequestSchema: { valid: whereKnown, wrong: whereKnownWrong },
  claimResponseSchema: {
    valid: { home, state, synced: true },
    wrong: { home: null, 'state.interests': 'us', synced: 1 },
  },
  importedRequestSchema: {
    valid: {
      ...where,
      epoch: 1,
      synced: true,
      registered: true,
      tookUpTo: 0,
      tookTopic: '',
      tookShadow: '',
      tookFilter: '',
      from: null,
    },
    wrong: {
      ...whereWrong,
      ...epochWrong,
      synced: 0,
      registered: 'yes',
      tookUpTo: -1,
      tookTopic: null,
      tookShadow: 'x',
      tookFilter: null,
      from: 'E U',
    },
  },
  importedResponseSchema: {
    valid: { ...released, from: 'eu' },
    wrong: { ...releasedWrong, from: 7 },
  },
  releaseRequestSchema: {
    valid: {
      fleet: 'default',
      root,
      to: 'us',
      epoch: 1,
      synced: false,
      registered: false,
      tookUpTo: 3,
      tookTopic: 'rooms/42/t',
      tookShadow: 'shadow/name/a',
      tookFilter: 'rooms/42/#',
    },
    wrong: {
      fleet: '',
      root: {},
      to: '',
      ...epochWrong,
      synced: null,
      registered: 0,
      tookUpTo: 'x',
      tookTopic: 3,
      tookShadow: 'shadow/',
      tookFilter: 4,
    },
  },
  releaseResponseSchema: { valid: released, wrong: releasedWrong },
  homeKnownRequestSchema: { valid: { fleet: 'default', root }, wrong: { fleet: '', root: 1 } },
  homeKnownResponseSchema: {
    valid: { home, imported: true },
    wrong: { home: 5, 'home.region': 'E', imported: 'yes' },
  },
  goneSchema: {
    valid: { kinds: ['queue'], subscriptions: ['rooms/#'], queue: [7], retained: ['rooms/42/x'] },
    wrong: { 'kinds.0': 'sea', 'subscriptions.0': '', 'queue.0': 1.5, 'retained.0': 1 },
  },
  pageWantedSchema: {
    valid: { cursor: 'c', copied: true },
    wrong: { cursor: 1, copied: 'yes' },
  },
  pageSchema: {
    valid: { first: true, next: 'c', copied: false },
    wrong: { first: 1, next: 2, copied: 'no' },
  },
  copyRequestSchema: {
    valid: { fleet: 'default', root, epoch: 1, to: 'us', cursor: 'c' },
    wrong: { fleet: '-', root: 1, to: 'u.s', cursor: null, ...epochWrong },
  },
  copyResponseSchema: {
    valid: { status: 'done', state, page: { first: true, next: null, copied: true } },
    wrong: { status: 'gone', 'state.interests': 'us', 'page.next': 1 },
  },
  handoverRequestSchema: {
    valid: { fleet: 'default', root, epoch: 1, to: 'us' },
    wrong: { fleet: '-', root: 1, to: 'u.s', ...epochWrong },
  },
  interestRequestSchema: {
    valid: {
      ...whereKnown,
      change: 'add',
      order: 2,
      plain: true,
      shares: ['$share/g/rooms/42/#'],
      filters: ['rooms/42/#'],
    },
    wrong: { ...whereKnownWrong, change: 'none', plain: 1, 'shares.0': '', 'filters.0': 2 },
  },
  interestResponseSchema: {
    valid: { home, order: 2, clock: 0, retained: [retained] },
    wrong: { 'home.epoch': null, order: -1, 'retained.0.topic': 1 },
  },
  homeInterestRequestSchema: {
    valid: { ...where, change: 'only', order: 1, plain: false, shares: [], filters: [], epoch: 1 },
    wrong: { ...whereWrong, ...epochWrong, change: null, plain: 'no', shares: null, filters: 'all' },
  },
  homeInterestResponseSchema: {
    valid: { status: 'done', order: 2, clock: 0, retained: [retained] },
    wrong: { status: 'perhaps', order: null, 'retained.0.record': '!' },
  },
  drainedRequestSchema: { valid: whereKnown, wrong: whereKnownWrong },
  drainedResponseSchema: { valid: { home }, wrong: { home: 'eu', 'home.epoch': '3' } },
  rootChangeSchema: { valid: change, wrong: changeWrong },
  syncRequestSchema: {
    valid: { region: 'eu', roots: [change] },
    wrong: { region: '', roots: [], 'roots.0.version': null },
  },
  syncResultSchema: { valid: 'applied', wrong: { '': 'maybe' } },
  syncResponseSchema: { valid: { results: ['applied', 'fenced'] }, wrong: { 'results.1': 'no' } },
  wideRequestSchema: {
    valid: { fleet: 'default', region: 'eu', shard: 3, version: 7, filters: ['#', 'devices/+/t'] },
    wrong: { fleet: '', region: 'E', shard: -1, version: 0.5, 'filters.0': '' },
  },
  wideAnswerSchema: {
    valid: { waitMs: 0, version: 7, filters: [] },
    wrong: { waitMs: -1, version: '7', filters: null },
  },
  wideResponseSchema: {
    valid: { regions: [{ region: 'us', waitMs: 980, version: 7, filters: ['+/x'] }] },
    wrong: { 'regions.0.region': '', 'regions.0.waitMs': 0.5, 'regions.0.filters.0': 5 },
  },
  wideDrainedRequestSchema: {
    valid: { fleet: 'default', region: 'eu' },
    wrong: { fleet: '-', region: 'E U' },
  },
  wideRetainedRequestSchema: {
    valid: {
      fleet: 'default',
      region: 'eu',
      shard: 0,
      filters: ['#'],
      after: { region: 'us', root: 'rooms/42', topic: 'rooms/42/t' },
    },
    wrong: { fleet: 1, region: '', shard: 'x', filters: [], 'after.region': 5, 'after.topic': null },
  },
  wideRetainedResponseSchema: {
    valid: { records: Uint8Array.of(0, 0, 0), clock: 1, next: { region: 'us', root: '', topic: '' } },
    wrong: { records: 'A', 'next.root': 7 },
  },
  regionRetainedRequestSchema: {
    valid: { fleet: 'default', shard: 0, filters: ['#'], after: { root: 'rooms/42', topic: '' } },
    wrong: { fleet: 'X Y', shard: null, 'filters.0': '', 'after.root': false },
  },
  regionRetainedResponseSchema: {
    valid: { records: new Uint8Array(0), clock: 0, next: null },
    wrong: { records: '*', next: 'more' },
  },
  envelopeSchema: {
    valid: envelope,
    wrong: {
      fleet: 'a b',
      root: 1,
      'to.kind': 'world',
      'to.region': '',
      'to.epoch': -1,
      source: '',
      first: -1,
      records: 'not base64',
    },
  },
  envelopeResultSchema: {
    valid: { status: 'done', outcomes: [0, 0x97] },
    wrong: { status: 'lost', 'outcomes.1': 256 },
  },
  envelopesRequestSchema: {
    valid: { region: 'eu', envelopes: [envelope] },
    wrong: { region: '', envelopes: [], 'envelopes.0.root': 7 },
  },
  deliverRequestSchema: {
    valid: { envelopes: [{ envelope, epoch: 0 }] },
    wrong: { envelopes: [], 'envelopes.0.epoch': null, 'envelopes.0.envelope.records': 'A' },
  },
  envelopesResponseSchema: {
    valid: { results: [{ status: 'moved' }, { status: 'unreachable', detail: 'down' }] },
    wrong: { 'results.0.status': 'gone', 'results.1.detail': 5 },
  },
  regionExplainRequestSchema: { valid: explained, wrong: explainedWrong },
  explainRequestSchema: {
    valid: { ...explained, region: 'eu' },
    wrong: { ...explainedWrong, region: '1eu' },
  },
  regionFactsSchema: { valid: regionFacts, wrong: regionFactsWrong },
  explainResponseSchema: {
    valid: {
      homes: { receiver: home, topic: null },
      tookMs: 3,
      regions: [{ region: 'us', tookMs: 2, facts: regionFacts, problem: null }],
    },
    wrong: {
      'homes.receiver.epoch': -1,
      tookMs: -1,
      'regions.0.region': 'U',
      'regions.0.facts.leaf.facts.passed.0.qos': 4,
    },
  },
  presenceEventSchema: {
    valid: { ...presence, cleanStart: true, protocol: '5.0' },
    wrong: {
      client: '',
      state: 'away',
      ...epochWrong,
      sequence: 0,
      region: 'E',
      at: 'today',
      reason: 256,
      cleanStart: 1,
      protocol: '4',
    },
  },
  presenceRequestSchema: { valid: where, wrong: whereWrong },
  presenceResponseSchema: {
    valid: { status: 'done', event: presence },
    wrong: { status: 'x', 'event.sequence': 0 },
  },
  homePresenceRequestSchema: {
    valid: { fleet: 'default', root, epoch: 1 },
    wrong: { fleet: '', root: 1, ...epochWrong },
  },
  homePresenceResponseSchema: { valid: { status: 'done', event: null }, wrong: { status: 'gone', event: 5 } },
  sessionVerbSchema: { valid: 'purge', wrong: { '': 'delete' } },
  sessionFactsSchema: {
    valid: sessionFacts,
    wrong: {
      client: '',
      region: 'E',
      connected: 1,
      expirySeconds: -1,
      expiresAt: 'today',
      'subscriptions.0.filter': 1,
      'subscriptions.0.qos': 3,
      'queue.messages': -1,
      'queue.bytes': -1,
      'queue.inFlight': -1,
      'queue.dropped': -1,
    },
  },
  sessionRequestSchema: { valid: { ...where, verb: 'show' }, wrong: { ...whereWrong, verb: 'x' } },
  sessionResponseSchema: {
    valid: { status: 'done', session: sessionFacts, purged: 0 },
    wrong: { status: 'x', 'session.connected': 1, purged: -1 },
  },
  homeSessionRequestSchema: {
    valid: { fleet: 'default', root, epoch: 1, verb: 'kick' },
    wrong: { fleet: '', root: 1, ...epochWrong, verb: 'x' },
  },
  homeSessionResponseSchema: {
    valid: { status: 'done', session: null, purged: 3 },
    wrong: { status: 'gone', session: 5, purged: -1 },
  },
  problemSchema: {
    valid: { type: '/problems/invalid-request', title: 'Wrong', status: 400, detail: 'd', field: 'a.0' },
    wrong: { type: 1, title: null, status: 'no', detail: 5, field: [] },
  },
}
