// TLS in front of a plain port, as a load balancer would stand there: for clients that speak nothing else.
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { type AddressInfo, connect } from 'node:net'
import { createServer } from 'node:tls'

export interface TlsDoor {
  readonly port: number
  /** The certificate that a client must trust. */
  readonly ca: string
  close(): Promise<void>
}

/** Opens it on a free port of localhost. */
export async function openTlsDoor(port: number): Promise<TlsDoor> {
  const { key, cert } = selfSigned('localhost')
  const server = createServer({ key, cert }, (secure) => {
    const plain = connect(port, '127.0.0.1')
    secure.pipe(plain).pipe(secure)
    const both = [secure, plain]
    for (const socket of both) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        for (const one of both) one.destroy()
      })
    }
  })
  await new Promise<void>((open) => server.listen(0, '127.0.0.1', open))
  return {
    port: (server.address() as AddressInfo).port,
    ca: cert,
    close: () => new Promise((closed) => server.close(() => closed())),
  }
}

/** A certificate for a day: X.509 version 3 with an elliptic key and the host as its alternative name (RFC 5280). */
function selfSigned(host: string): { readonly key: string; readonly cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const ecdsaSha256 = seq(oid('2a8648ce3d040302'))
  const name = seq(der(0x31, seq(oid('550403'), der(0x0c, Buffer.from(host)))))
  const time = (ms: number) =>
    der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}Z`))
  const alternativeNames = seq(oid('551d11'), der(0x04, seq(der(0x82, Buffer.from(host)))))
  const toBeSigned = seq(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), createHash('sha256').update(spki).digest().subarray(0, 8)])),
    ecdsaSha256,
    name,
    seq(time(Date.now() - 3_600_000), time(Date.now() + 86_400_000)),
    name,
    spki,
    der(0xa3, seq(alternativeNames)),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  const certificate = seq(toBeSigned, ecdsaSha256, der(0x03, Buffer.concat([Buffer.of(0), signature])))
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  }
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function seq(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}
