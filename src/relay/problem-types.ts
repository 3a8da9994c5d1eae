// Each kind of problem that an HTTP interface of the edge or the core answers with: its status, what has happened, and what to
// do. The `type` of a problem is `/problems/<name>`, where the server that answered shows the same text as docs/problems.md.

interface ProblemType {
  readonly status: number
  /** What has happened, as one sentence. */
  readonly means: string
  /** What the caller does next, as one sentence. */
  readonly mend: string
}

/** The names are stable: callers compare them. A name that is no longer answered with is removed, never reused. */
export const PROBLEM_TYPES = {
  'invalid-request': {
    status: 400,
    means: 'A part of the request has a value that is not allowed.',
    mend: 'Correct the part that `field` names, as `detail` says.',
  },
  'unencoded-filter': {
    status: 400,
    means:
      'A topic filter in the query holds a space as a whole level, which is what an unencoded `+` becomes.',
    mend: 'Write `+` as `%2B`, `#` as `%23`: `?filter=rooms/%2B/light`. Write a level that really is a space as `%20`.',
  },
  'invalid-cursor': {
    status: 400,
    means: 'The cursor is not one that a page of this list gave as `next`.',
    mend: 'Begin again without a cursor.',
  },
  'unsupported-subprotocol': {
    status: 400,
    means: 'The WebSocket handshake offers no subprotocol `mqtt`.',
    mend: 'Offer `mqtt` in `Sec-WebSocket-Protocol`, and speak MQTT 3.1.1 or 5.0. A client that offers only `mqttv3.1` is set to MQTT 3.1, which is not spoken here.',
  },
  'not-websocket': {
    status: 400,
    means: 'The bytes at this port were no HTTP: plain MQTT over TCP, or TLS.',
    mend: 'Connect with MQTT over WebSocket: `ws://<host>:<port>/mqtt`, subprotocol `mqtt`.',
  },
  unauthenticated: {
    status: 401,
    means: 'The token is missing, not valid, or has expired.',
    mend: 'Send `Authorization: Bearer <token>` with a token that is signed with the fleet’s secret and has not expired.',
  },
  'not-administrator': {
    status: 403,
    means: 'Only an administrator may do this, and the token has no scope `admin`.',
    mend: 'Use an administrator’s token of the fleet that `title` names, or else of the same fleet.',
  },
  'other-client': {
    status: 403,
    means: 'The token belongs to another client.',
    mend: 'Use the token of the client in question, or an administrator’s.',
  },
  'other-fleet': {
    status: 403,
    means: 'The token belongs to another fleet.',
    mend: 'Use a token of the fleet in question.',
  },
  'fleet-not-listed': {
    status: 403,
    means:
      'The address names a fleet, no token came with the handshake, and the setting `FLEETS` does not list the fleet.',
    mend: 'Send the token in the URL (`?token=`) or as `Authorization: Bearer`, or add the fleet to `FLEETS`.',
  },
  'other-region': {
    status: 403,
    means: 'An edge has called the core in the name of a region that is not its own.',
    mend: 'Compare the settings `REGION` and `RELAY_SECRET` of the edges.',
  },
  'reserved-topic': {
    status: 403,
    means: 'Only the server publishes to this topic.',
    mend: 'Publish to a topic that neither begins with `$` or `presence/` nor is an answer of a shadow.',
  },
  'claim-token-refused': {
    status: 403,
    means: 'The claim token is unknown, revoked, expired or used up.',
    mend: 'Make a new claim token.',
  },
  'not-found': {
    status: 404,
    means: 'Nothing is served at this path.',
    mend: 'Compare the path with `/openapi.json`; the edge and the core have a document each.',
  },
  'unknown-device': {
    status: 404,
    means: 'No device of this id is known or registered.',
    mend: 'Check the id, or register the device.',
  },
  'unknown-client': {
    status: 404,
    means: 'The client has never connected.',
    mend: 'Check the client id.',
  },
  'no-session': {
    status: 404,
    means: 'The client has no session: it never had one, or the session has ended.',
    mend: 'Check the client id.',
  },
  'unknown-shadow': {
    status: 404,
    means: 'The device has no shadow of this name.',
    mend: 'Check the name, or make the shadow with PATCH.',
  },
  'unknown-command': {
    status: 404,
    means: 'No command of this id is stored.',
    mend: 'Call with an `Idempotency-Key`: such a command is stored for a day.',
  },
  'unknown-fleet': {
    status: 404,
    means: 'The fleet has no registry.',
    mend: 'Make the fleet with `PUT /v1/fleets/<fleet>`.',
  },
  'unknown-credential': {
    status: 404,
    means: 'The device, or the credential, is not registered.',
    mend: 'Read the device: it lists its credentials.',
  },
  'unknown-claim-token': {
    status: 404,
    means: 'No claim token of this id is registered.',
    mend: 'List the fleet’s claim tokens.',
  },
  'no-retained-message': {
    status: 404,
    means: 'No message is retained on this topic.',
    mend: 'Publish one with `retain`, or list what is retained.',
  },
  'history-off': {
    status: 404,
    means: 'The setting `HISTORY` chooses no topic that matches, so no message is stored.',
    mend: 'Choose the topics in `HISTORY` (`npm start -- --history "devices/+/telemetry=7d"`); messages are stored from then on.',
  },
  'relay-version-unknown': {
    status: 404,
    means:
      'This side of the relay does not serve the version in the path. `detail` names the range that it serves.',
    mend: 'Nothing: edge and core go on in the highest version that both serve.',
  },
  'method-not-allowed': {
    status: 405,
    means: 'The path exists, but not with this method.',
    mend: 'Use a method that `Allow` lists.',
  },
  'device-exists': {
    status: 409,
    means: 'A device of this id is registered already.',
    mend: 'Change the device with PATCH, or choose another id.',
  },
  'registry-limit': {
    status: 409,
    means: 'The device has as many credentials or groups as it may have.',
    mend: 'Remove one.',
  },
  'device-offline': {
    status: 409,
    means: 'The device is not connected, or has not subscribed to its commands, and was not called.',
    mend: 'Try again when `presence` says `connected`, or call with `whenOffline: "wait"`.',
  },
  'version-conflict': {
    status: 409,
    means: 'The shadow has another version than the request names.',
    mend: 'Read the shadow, and repeat the change for its present version.',
  },
  'newer-home': {
    status: 409,
    means: 'The region knows a newer home of the root than the core does.',
    mend: 'Nothing: only the core asks for this, and resolves the home again.',
  },
  'version-mismatch': {
    status: 412,
    means: 'The version that `If-Match` names is not the present one.',
    mend: 'Read again, and repeat the change for the present version.',
  },
  'too-large': {
    status: 413,
    means: 'The body, or the message in it, is too large.',
    mend: 'Send less; `detail` says the bound where it is a fixed one.',
  },
  'not-json': {
    status: 415,
    means: 'The body is not JSON in UTF-8.',
    mend: 'Send JSON with `Content-Type: application/json`.',
  },
  'region-not-served': {
    status: 421,
    means: 'This edge does not serve the region that the core has asked it for.',
    mend: 'Compare the core’s setting `EDGES` with the edge’s `REGIONS`.',
  },
  'idempotency-key-reused': {
    status: 422,
    means: 'The idempotency key was used for another request.',
    mend: 'Choose a fresh key for each request that means something new.',
  },
  'device-refused': {
    status: 422,
    means: 'The device has answered the command with a status of 400 to 499.',
    mend: 'See `answer`: the device says why.',
  },
  'upgrade-required': {
    status: 426,
    means: 'MQTT is spoken here over WebSocket, and the request is no WebSocket handshake.',
    mend: 'Connect with `ws://` or `wss://`, subprotocol `mqtt`.',
  },
  'no-room': {
    status: 429,
    means: 'A receiver, or a queue for one, has no room for the message now.',
    mend: 'Send the message again after `Retry-After`.',
  },
  'too-many-commands': {
    status: 429,
    means: 'Too many commands of the device are open, of this caller or of all; it was not called.',
    mend: 'Call again after `Retry-After`.',
  },
  'too-many-filters': {
    status: 429,
    means: 'The region has as many wide filters as it can serve.',
    mend: 'Watch filters whose first two levels have no wildcard.',
  },
  'too-many-unproven': {
    status: 429,
    means:
      'Too many handshakes without a token in the URL or a header have come from this address within a minute.',
    mend: 'Connect again after `Retry-After`, or send the token in the URL (`?token=`) or as `Authorization: Bearer`.',
  },
  'internal-error': {
    status: 500,
    means: 'The server failed on the request: a bug.',
    mend: 'Look into the log of the edge or the core.',
  },
  'device-failed': {
    status: 502,
    means:
      'The device has answered the command with a status of 500 and more, or with something that is no answer.',
    mend: 'See `answer`, and the device’s own log.',
  },
  'core-unreachable': {
    status: 503,
    means: 'The region cannot reach the core, which the answer needs.',
    mend: 'Try again later.',
  },
  'region-unreachable': {
    status: 503,
    means: 'A region that the answer needs cannot be reached.',
    mend: 'Try again later; a change may have been made all the same.',
  },
  'publish-uncertain': {
    status: 503,
    means: 'It is not known whether the message is with its receivers, or durable for them.',
    mend: 'Publish again with the same `Idempotency-Key`.',
  },
  'store-unavailable': {
    status: 503,
    means: 'The request needs the core’s store, which does not answer.',
    mend: 'Try again later, and look at the store. What the core knows without its store goes on.',
  },
  draining: {
    status: 503,
    means: 'The core is about to stop, and takes no new traffic.',
    mend: 'Ask another pod.',
  },
  'device-timeout': {
    status: 504,
    means: 'The device has not answered the command in time.',
    mend: 'Ask for the command at `Location`: it has an answer that comes later.',
  },
  'call-uncertain': {
    status: 504,
    means: 'The way to the device’s home broke, and it is not known whether the device was called.',
    mend: 'Call again with the same `Idempotency-Key`.',
  },
} as const satisfies Readonly<Record<string, ProblemType>>

export type ProblemName = keyof typeof PROBLEM_TYPES
export type ProblemStatus<Name extends ProblemName = ProblemName> = (typeof PROBLEM_TYPES)[Name]['status']

export const PROBLEMS_PATH = '/problems'

/** The `type` of a problem: a URI reference, relative to the server that answered. */
export function problemTypeOf(name: ProblemName): string {
  return `${PROBLEMS_PATH}/${name}`
}

/** One problem in Markdown. */
export function problemSection(name: ProblemName): string {
  const { status, means, mend } = PROBLEM_TYPES[name]
  return `## ${name}\n\nHTTP status ${status}. ${means}\n\nWhat to do: ${mend}\n`
}

/** docs/problems.md. */
export function problemsPage(): string {
  const names = Object.keys(PROBLEM_TYPES) as ProblemName[]
  return `# Problems

Each error of the HTTP APIs is a problem of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457), \`application/problem+json\`. Its
\`type\` is \`/problems/<name>\`: edge and core serve the section below at that path. Programs compare the type, which is stable;
\`title\` and \`detail\` are for people, and \`field\` names the part of the request that is wrong.

This page is written by \`npm run problems\` from \`src/relay/problem-types.ts\`.

${names.map(problemSection).join('\n')}`
}

export function isProblemName(text: string): text is ProblemName {
  return Object.hasOwn(PROBLEM_TYPES, text)
}
