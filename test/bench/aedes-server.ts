// aedes behind a WebSocket, in a process of its own, as its documentation shows it. Sends its URL when it listens.
import { Aedes } from 'aedes'
import { createWebSocketStream, WebSocketServer } from 'ws'

const broker = await Aedes.createBroker()
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('connection', (socket, request) => {
  const stream = createWebSocketStream(socket)
  // A client that goes without a word; aedes hears of it by itself.
  stream.on('error', () => undefined)
  broker.handle(stream, request)
})
server.on('listening', () => {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  process.send?.(`ws://127.0.0.1:${address.port}`)
})
process.on('SIGINT', () => process.exit(0))
// The parent is gone without a word.
process.on('disconnect', () => process.exit(0))
