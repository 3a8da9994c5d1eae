// A request for a WebSocket on its way from the Worker to an actor, and the hibernating socket that the actor makes of it.
import type { Upgrade } from '../../actor.ts'

/** An `Upgrade` as JSON: the actor's request has no other content. */
const UPGRADE_HEADER = 'x-starling-upgrade'
const SUBPROTOCOL_HEADER = 'sec-websocket-protocol'

/** @param subprotocol the one that the Worker has chosen [MQTT-6.0.0-4] */
export function upgradeRequest(upgrade: Upgrade, subprotocol: string): Request {
  const headers = new Headers({ upgrade: 'websocket', [SUBPROTOCOL_HEADER]: subprotocol })
  headers.set(UPGRADE_HEADER, JSON.stringify(upgrade))
  return new Request('https://actor/', { headers })
}

export function upgradeOf(request: Request): Upgrade {
  return JSON.parse(request.headers.get(UPGRADE_HEADER) ?? '') as Upgrade
}

export function acceptUpgrade(
  ctx: DurableObjectState,
  request: Request,
): { readonly response: Response; readonly socket: WebSocket } {
  const { 0: client, 1: socket } = new WebSocketPair()
  ctx.acceptWebSocket(socket)
  return {
    response: new Response(null, {
      status: 101,
      webSocket: client,
      headers: { [SUBPROTOCOL_HEADER]: request.headers.get(SUBPROTOCOL_HEADER) ?? 'mqtt' },
    }),
    socket,
  }
}
