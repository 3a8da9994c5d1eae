// The port that clients of a local region see. workerd waits 15 seconds for the rest of what is no HTTP request, and then closes
// without a word: so a client that speaks MQTT or TLS to this port is answered here. All else goes to workerd, byte for byte.
// In production Cloudflare stands at the port, and answers by itself.
import net from 'node:net'
import { problemResponse } from '../relay/problem.ts'

const MQTT_CONNECT = 0x10
/** The first letter of a method: HTTP begins with nothing else. */
const [A, Z] = [0x41, 0x5a]

/** Listens on a port of `host` in front of workerd's. Rejects if the port is taken. */
export async function openWebSocketPort(
  host: string,
  port: number,
  workerdPort: number,
): Promise<net.Server> {
  const answers = { mqtt: await mqttAnswer(port), other: await otherAnswer(port) }
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => client.destroy())
    client.once('data', (first) => {
      const byte = first[0] ?? 0
      if (byte >= A && byte <= Z) return pass(client, first, host, workerdPort)
      client.resume()
      client.end(byte === MQTT_CONNECT ? answers.mqtt : answers.other)
    })
    // A client that leaves before its first byte.
    client.once('end', () => client.end())
  })
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen({ host, port }, done)
  })
  return server
}

/** Each side's end, and each side's failure, reaches the other. */
function pass(client: net.Socket, first: Buffer, host: string, port: number): void {
  const workerd = net.connect({ host, port, allowHalfOpen: true, noDelay: true })
  workerd.on('error', () => workerd.destroy())
  workerd.write(first)
  client.pipe(workerd)
  workerd.pipe(client)
  client.once('close', () => workerd.destroy())
  workerd.once('close', () => client.destroy())
}

function mqttAnswer(port: number): Promise<string> {
  return answerOf(
    problemResponse('not-websocket', 'This port speaks MQTT over WebSocket, not over plain TCP', {
      detail: `connect to ws://127.0.0.1:${port}/mqtt, subprotocol mqtt`,
    }),
  )
}

function otherAnswer(port: number): Promise<string> {
  return answerOf(
    problemResponse('not-websocket', 'This port speaks HTTP and MQTT over WebSocket, without TLS', {
      detail: `connect to ws://127.0.0.1:${port}/mqtt or http://127.0.0.1:${port}`,
    }),
  )
}

async function answerOf(response: Response): Promise<string> {
  const body = await response.text()
  return [
    'HTTP/1.1 400 Bad Request',
    `content-type: ${response.headers.get('content-type')}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}
