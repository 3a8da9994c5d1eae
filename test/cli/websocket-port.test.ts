// The port of a local region: who speaks MQTT or TLS to it is answered at once, all else reaches workerd as it is.
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import { connect } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { openWebSocketPort } from '../../src/cli/websocket-port.ts'

const HOST = '127.0.0.1'
const CONNECT = Buffer.from('101000044d5154540502003c000003616263', 'hex')
/** Far below the 15 seconds after which workerd closes without an answer. */
const AT_ONCE_MS = 5_000

let workerd: http.Server
let front: net.Server
let port: number

beforeAll(async () => {
  workerd = http.createServer((request, response) => {
    if (request.url === '/breaks') request.socket.destroy()
    else request.pipe(response)
  })
  const sockets = new WebSocketServer({ server: workerd })
  sockets.on('connection', (socket) => {
    socket.on('message', (text) => (String(text) === 'die' ? socket.terminate() : socket.send(text)))
  })
  await new Promise<void>((done) => workerd.listen(0, HOST, done))
  front = await openWebSocketPort(HOST, 0, (workerd.address() as AddressInfo).port)
  port = (front.address() as AddressInfo).port
})
afterAll(() => {
  front.close()
  workerd.close()
  workerd.closeAllConnections()
})

/** All that the port says to these bytes until it closes, and after how long. */
function said(bytes: Buffer | null): Promise<{ text: string; ms: number }> {
  const from = performance.now()
  return new Promise((done, failed) => {
    const socket = net.connect(port, HOST, () => (bytes === null ? socket.end() : socket.write(bytes)))
    let text = ''
    socket.on('data', (part) => {
      text += String(part)
    })
    socket.on('error', failed)
    socket.on('close', () => done({ text, ms: performance.now() - from }))
  })
}

describe('the port of a local region', () => {
  it('answers MQTT over plain TCP at once, with where to connect instead', async () => {
    const { text, ms } = await said(CONNECT)
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/)
    const problem = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as Record<string, unknown>
    expect(problem).toMatchObject({ type: '/problems/not-websocket', status: 400 })
    expect(problem.detail).toContain('/mqtt, subprotocol mqtt')
    expect(ms).toBeLessThan(AT_ONCE_MS)
  })

  it('lets a client library that was given mqtt:// fail at once', async () => {
    const from = performance.now()
    const client = connect(`mqtt://${HOST}:${port}`, { reconnectPeriod: 0 })
    await new Promise<void>((done) => {
      client.once('error', () => done())
      client.once('close', () => done())
    })
    client.end(true)
    expect(performance.now() - from).toBeLessThan(AT_ONCE_MS)
  })

  it('lets a client that speaks TLS fail at once', async () => {
    const socket = tls.connect({ host: HOST, port, rejectUnauthorized: false })
    const error = await new Promise<Error>((done) => socket.once('error', done))
    expect(error.message).toMatch(/wrong version number|packet length|SSL/i)
  })

  it('closes a connection that says nothing and leaves', async () => {
    expect((await said(null)).text).toBe('')
  })

  it('passes HTTP on, whole', async () => {
    const body = Buffer.alloc(3_000_000, 'x')
    const answer = await fetch(`http://${HOST}:${port}/echo`, { method: 'POST', body })
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true)
  })

  it('passes WebSocket on in both directions, and the end of each side', async () => {
    const socket = new WebSocket(`ws://${HOST}:${port}/mqtt`)
    await new Promise((done) => socket.once('open', done))
    const echoed = new Promise((done) => socket.once('message', (data) => done(String(data))))
    socket.send('x'.repeat(200_000))
    expect(await echoed).toBe('x'.repeat(200_000))
    const closed = new Promise((done) => socket.once('close', done))
    socket.send('die')
    expect(await closed).toBe(1006)
    await expect(fetch(`http://${HOST}:${port}/breaks`)).rejects.toThrow()
  })
})
