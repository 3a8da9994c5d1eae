// A WebSocket that hibernates, on its way to an actor.

/** The subprotocol was checked by the Worker. [MQTT-6.0.0-4] */
export function upgrade(ctx: DurableObjectState): {
  readonly response: Response
  readonly socket: WebSocket
} {
  const { 0: client, 1: socket } = new WebSocketPair()
  ctx.acceptWebSocket(socket)
  return {
    response: new Response(null, {
      status: 101,
      webSocket: client,
      headers: { 'sec-websocket-protocol': 'mqtt' },
    }),
    socket,
  }
}
