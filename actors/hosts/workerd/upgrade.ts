// A WebSocket that hibernates, on its way to an actor.

/** @param request with the one subprotocol that the Worker has chosen [MQTT-6.0.0-4] */
export function upgrade(
  ctx: DurableObjectState,
  request: Request,
): {
  readonly response: Response
  readonly socket: WebSocket
} {
  const { 0: client, 1: socket } = new WebSocketPair()
  ctx.acceptWebSocket(socket)
  return {
    response: new Response(null, {
      status: 101,
      webSocket: client,
      headers: { 'sec-websocket-protocol': request.headers.get('sec-websocket-protocol') ?? 'mqtt' },
    }),
    socket,
  }
}
