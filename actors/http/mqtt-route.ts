// The upgrade to MQTT over WebSocket: chooses the actor, which must be done before CONNECT names the client.
import type { Context } from 'hono'
import { bearerToken, UNAUTHENTICATED } from '../../src/api/public-api.ts'
import { type ActorAddress, deviceAddress, frontAddress } from '../../src/id/actor-name.ts'
import { checkClientToken } from '../../src/id/client-token.ts'
import { DEFAULT_FLEET, type FleetId, parseClientId, parseFleetId } from '../../src/id/ids.ts'
import { parseSecret } from '../../src/id/secret.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import { type EdgeBindings, regionOf } from './edge.ts'
import { UnprovenUpgrades } from './unproven-upgrades.ts'

/**
 * AWS IoT's device SDK for JavaScript puts its session token into this query parameter, beside a signature that Starling ignores.
 * The SDK offers a subprotocol of its own, and no other.
 */
const AWS_SESSION_TOKEN = 'X-Amz-Security-Token'
const AWS_SUBPROTOCOL = 'mqttv3.1'
const MQTT31_SUBPROTOCOL = 'mqttv3.1'

/** `/mqtt/<clientId>`, or `/mqtt` with a token, or `/mqtt` alone, which goes through a FrontActor. */
export async function mqttRoute(c: Context<{ Bindings: EdgeBindings }>): Promise<Response> {
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
    return problemResponse('upgrade-required', 'MQTT is spoken here over WebSocket', {
      detail: 'Upgrade to websocket, subprotocol mqtt',
    })
  }
  const offered = (c.req.header('sec-websocket-protocol') ?? '').split(',').map((one) => one.trim())
  const awsToken = c.req.query(AWS_SESSION_TOKEN)
  const known = awsToken === undefined ? ['mqtt'] : ['mqtt', AWS_SUBPROTOCOL]
  const subprotocol = known.find((one) => offered.includes(one))
  if (subprotocol === undefined) {
    return problemResponse('unsupported-subprotocol', 'The subprotocol must be mqtt', {
      field: 'Sec-WebSocket-Protocol',
      detail: offered.includes(MQTT31_SUBPROTOCOL)
        ? 'mqttv3.1 is of MQTT 3.1: let the client speak MQTT 3.1.1 or 5.0, and offer mqtt'
        : 'Offer mqtt, and speak MQTT 3.1.1 or 5.0',
    }) // [MQTT-6.0.0-3]
  }
  const presented = bearerToken(c) ?? c.req.query('token') ?? awsToken
  const secret = presented !== undefined && parseSecret(presented) !== null ? presented : null
  const claims =
    presented === undefined || secret !== null
      ? null
      : await checkClientToken(presented, c.env.edge.clientTokenSecret)
  if (typeof claims === 'string') return problemResponse('unauthenticated', UNAUTHENTICATED[claims])

  const named = c.req.param('clientId')
  const client = named === undefined ? null : parseClientId(named)
  if (named !== undefined && client === null) {
    return problemResponse('invalid-request', 'Not a client id', {
      field: 'clientId',
      detail: '1 to 128 bytes, without / + # and control characters, not starting with $, not . or ..',
    })
  }
  if (client === null && secret !== null)
    return problemResponse('invalid-request', 'A device’s secret does not name it: give its id in the path', {
      field: 'clientId',
    })
  if (client !== null && claims !== null && client !== claims.client) {
    return problemResponse('other-client', 'The token is of another client', { field: 'clientId' })
  }
  const fleet = claims?.fleet ?? parseFleetId(c.req.query('fleet') ?? DEFAULT_FLEET)
  if (fleet === null) return problemResponse('invalid-request', 'Not a fleet', { field: 'fleet' })

  const refused = claims === null ? refusedUnproven(c, fleet) : null
  if (refused !== null) return refused

  const region = regionOf(c)
  const behind = client ?? claims?.client ?? null
  const address: ActorAddress =
    behind === null ? frontAddress(region, crypto.randomUUID()) : deviceAddress(region, fleet, behind)
  const token = claims === null ? null : (claims.durability ?? 'local')
  return c.env.edge.upgrade(address, { token, secret, fleet }, subprotocol)
}

/** One for all requests of this process. */
const unproven = new UnprovenUpgrades()

/** A client that shows its token only in CONNECT, or a secret that only its actor can check. Refused here, it wakes no actor. */
function refusedUnproven(c: Context<{ Bindings: EdgeBindings }>, fleet: FleetId): Response | null {
  const { edge } = c.env
  if (!edge.takesUnproven(fleet))
    return problemResponse(
      'fleet-not-listed',
      'The fleet is not one whose clients may come without a token',
      {
        field: 'fleet',
        detail: 'Send the token in the URL (?token=) or as Authorization: Bearer, or add the fleet to FLEETS',
      },
    )
  const address = edge.addressOf(c.req.raw)
  const waitMs = address === null ? 0 : unproven.waitMs(address, edge.unprovenPerMinute, Date.now())
  if (waitMs === 0) return null
  return problemResponse('too-many-unproven', 'Too many clients of this address show no token in the URL', {
    detail: `${edge.unprovenPerMinute} a minute; with ?token= or Authorization: Bearer there is no such bound`,
    headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
  })
}
