// A TCP link to Cassandra that can lose the answer to a lightweight transaction which the server has carried out.
import net from 'node:net'

export interface LossyLink {
  readonly contactPoint: string
  /** The next answer to a lightweight transaction is swallowed and its connection cut. */
  loseAnswer(): void
  /** How many answers were swallowed so far. */
  lost(): number
  close(): Promise<void>
}

/** The column that answers of lightweight transactions, and no others, begin with. */
const MARK = '[applied]'

export async function openLossyLink(contactPoint: string): Promise<LossyLink> {
  const [host, port] = contactPoint.split(':')
  const sockets = new Set<net.Socket>()
  let armed = false
  let lost = 0
  const server = net.createServer((near) => {
    const far = net.connect({ host: host!, port: Number(port), noDelay: true })
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => {
      if (!armed || !bytes.includes(MARK)) {
        near.write(bytes)
        return
      }
      armed = false
      lost++
      near.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    contactPoint: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    loseAnswer: () => {
      armed = true
    },
    lost: () => lost,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
