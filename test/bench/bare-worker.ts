// The least that a hibernating actor can do for a connection: it holds the socket, stores one row and answers. What an MQTT
// connection costs beyond this is Starling's own.
import { DurableObject } from 'cloudflare:workers'

const CONNACK = Uint8Array.of(0x20, 2, 0, 0)

interface Env {
  readonly BARE: DurableObjectNamespace<BareActor>
}

export class BareActor extends DurableObject<Env> {
  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { 'sec-websocket-protocol': 'mqtt' },
    })
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    if (typeof message === 'string') return
    const packet = new Uint8Array(message)
    const type = (packet[0] ?? 0) >> 4
    if (type === 1) {
      const { sql } = this.ctx.storage
      sql.exec('CREATE TABLE IF NOT EXISTS seen (one INTEGER PRIMARY KEY, at INTEGER NOT NULL)')
      sql.exec('INSERT OR REPLACE INTO seen (one, at) VALUES (1, ?)', Date.now())
      socket.serializeAttachment({ at: Date.now() })
      socket.send(CONNACK)
    }
    // Packet Identifier and QoS 1, behind a fixed header of two bytes.
    if (type === 8) socket.send(Uint8Array.of(0x90, 3, packet[2] ?? 0, packet[3] ?? 0, 1))
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close(1000)
  }
}

export default {
  fetch: (request: Request, env: Env) => env.BARE.getByName(new URL(request.url).pathname).fetch(request),
}
