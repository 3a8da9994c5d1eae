// A client without manners: bytes over a WebSocket, mqtt-packet to read and write them, nothing done by itself.
import mqttPacket, { type Packet } from 'mqtt-packet'
import { WebSocket } from 'ws'
import { type System, until } from './system.ts'

type AnyPacket = Packet & { cmd: string; reasonCode?: number; returnCode?: number; payload?: unknown }

export class Raw {
  readonly socket: WebSocket
  readonly packets: AnyPacket[] = []
  frames = 0
  closeCode: number | null = null
  private readonly version: 4 | 5

  private constructor(socket: WebSocket, version: 4 | 5) {
    this.socket = socket
    this.version = version
    const parser = mqttPacket.parser({ protocolVersion: version })
    parser.on('packet', (packet) => this.packets.push(packet as AnyPacket))
    socket.binaryType = 'nodebuffer'
    socket.on('message', (chunk: Buffer) => {
      this.frames++
      parser.parse(chunk)
    })
    socket.on('close', (code) => {
      this.closeCode = code
    })
    socket.on('error', () => undefined)
  }

  static async open(system: System, region: string, path: string, version: 4 | 5 = 5): Promise<Raw> {
    const url = `${await system.mqttUrl(region)}${path}`
    const socket = new WebSocket(url, ['mqtt'])
    const raw = new Raw(socket, version)
    await until(() => socket.readyState === WebSocket.OPEN)
    return raw
  }

  /** Opens and connects; CONNACK is the first packet. */
  static async connect(
    system: System,
    region: string,
    id: string,
    { version = 5 as 4 | 5, clean = true, expiry = 0, keepalive = 0 } = {},
  ): Promise<Raw> {
    const raw = await Raw.open(system, region, `/${id}`, version)
    raw.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId: id,
      clean,
      keepalive,
      username: 'x',
      password: Buffer.from(await system.token(id)),
      ...(version === 5 && { properties: { sessionExpiryInterval: expiry } }),
    })
    await raw.gets('connack')
    return raw
  }

  bytes(packet: Packet): Buffer {
    return mqttPacket.generate(packet, { protocolVersion: this.version })
  }

  send(packet: Packet): void {
    this.socket.send(this.bytes(packet))
  }

  sendBytes(bytes: Uint8Array | string): void {
    this.socket.send(bytes)
  }

  of(cmd: string): AnyPacket[] {
    return this.packets.filter((packet) => packet.cmd === cmd)
  }

  async gets(cmd: string, count = 1, ms = 10_000): Promise<AnyPacket> {
    await until(() => this.of(cmd).length >= count, ms)
    return this.of(cmd)[count - 1] as AnyPacket
  }

  async closed(ms = 15_000): Promise<number> {
    await until(() => this.closeCode !== null, ms)
    return this.closeCode as number
  }

  /** The link breaks. */
  drop(): void {
    this.socket.terminate()
  }
}
