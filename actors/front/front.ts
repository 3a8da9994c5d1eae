// Holds the socket of a client whose URL is only `/mqtt`: reads CONNECT for the client's name, then passes frames both ways.
import { type ClientId, DEFAULT_FLEET, type FleetId, parseClientId } from '../../src/id/ids.ts'
import { parseSecret } from '../../src/id/secret.ts'
import { NO_BYTES } from '../../src/mqtt/bytes-reader.ts'
import type { ConnectPacket } from '../../src/mqtt/packet.ts'
import { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { ProtocolViolation, Reason } from '../../src/mqtt/reason.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { CLOSE_INTERNAL, CLOSE_POLICY, closeCode, hex } from '../close-codes.ts'
import {
  type ConnectRefusal,
  claimsOf,
  encodeRefusal,
  encodeViolation,
  NO_PASSWORD,
  refuse,
} from '../connect-refusal.ts'
import { ARRIVAL_BYTES_MAX, CONNECT_WAIT_MS, EARLY_FRAME_BYTES_MAX } from '../limits.ts'
import type { Connection, Platform } from '../platform.ts'

interface NamedClient {
  readonly client: ClientId
  readonly fleet: FleetId
}

export class Front {
  private readonly platform: Platform
  private readonly name: string
  private readonly connection: () => Connection | null
  private fleet = DEFAULT_FLEET
  /** Null before CONNECT has named the client. */
  private named: NamedClient | null = null
  private stream: PacketStream | null = null
  private held: Uint8Array[] = []
  private heldBytes = 0
  private passing = false
  private cancelWait: () => void = () => undefined

  /** @param connection the one socket, also after hibernation */
  constructor(platform: Platform, name: string, connection: () => Connection | null) {
    this.platform = platform
    this.name = name
    this.connection = connection
    this.named = (connection()?.attachment() as NamedClient | null) ?? null
  }

  /** @param fleet of a client with a device's secret, which names no fleet */
  opened(fleet = DEFAULT_FLEET): void {
    this.fleet = fleet
    this.stream = new PacketStream(this.platform.settings.packetBytesMax, 0, NO_BYTES, ARRIVAL_BYTES_MAX)
    this.cancelWait = this.platform.after(CONNECT_WAIT_MS, () => {
      if (this.named === null) this.leave(CLOSE_POLICY, 'no CONNECT came') // [MQTT-3.1.0-1]
    })
  }

  async frame(frame: Uint8Array): Promise<void> {
    this.heldBytes += frame.length
    const most = this.named === null ? 0 : this.platform.settings.packetBytesMax
    if (this.heldBytes > most + EARLY_FRAME_BYTES_MAX) {
      return this.leave(CLOSE_POLICY, 'too much before the device takes frames')
    }
    this.held.push(frame)
    if (this.named !== null) return this.pass()
    const { stream } = this
    if (stream === null) return // CONNECT is being checked; this frame is passed after it.
    try {
      const first = stream.read(frame, this.platform.now()).next()
      if (first.done === true) return
      this.stream = null
      if (first.value.type !== 'connect') {
        return this.leave(closeCode(Reason.ProtocolError), 'the first packet is not CONNECT') // [MQTT-3.1.0-1]
      }
      await this.admit(first.value)
    } catch (violation) {
      if (!(violation instanceof ProtocolViolation)) throw violation
      const answer = encodeViolation(violation)
      if (answer !== null) this.connection()?.send(answer)
      this.leave(closeCode(violation.reason), violation.message)
    }
  }

  async closed(): Promise<void> {
    this.cancelWait()
    if (this.named !== null)
      await this.platform.peers.deviceOf(this.named.fleet, this.named.client).frontClosed(this.name)
  }

  leave(code: number, why: string): void {
    this.cancelWait()
    this.connection()?.close(code, why)
  }

  /** A token names the client. A client with a secret is the device of its client id, whose actor checks the secret. */
  private async admit(connect: ConnectPacket): Promise<void> {
    if (connect.password === null) return this.refuse(connect, refuse(Reason.NotAuthorized, NO_PASSWORD))
    const named = await this.whoIs(connect, new TextDecoder().decode(connect.password))
    if ('refused' in named) return this.refuse(connect, named)
    this.cancelWait()
    await this.platform.peers.deviceOf(named.fleet, named.client).frontOpened(this.name)
    this.named = named
    this.connection()?.attach(named)
    await this.pass()
  }

  private async whoIs(connect: ConnectPacket, password: string): Promise<NamedClient | ConnectRefusal> {
    if (connect.clientId !== '' && parseClientId(connect.clientId) === null)
      return refuse(Reason.ClientIdentifierNotValid)
    if (parseSecret(password) !== null) {
      const client = parseClientId(connect.clientId)
      return client === null ? refuse(Reason.ClientIdentifierNotValid) : { client, fleet: this.fleet }
    }
    const claims = await claimsOf(password, this.platform)
    return 'refused' in claims ? claims : { client: claims.client, fleet: claims.fleet }
  }

  private refuse(connect: ConnectPacket, refusal: ConnectRefusal): void {
    this.connection()?.send(encodeRefusal(connect, refusal))
    this.leave(CLOSE_POLICY, `MQTT reason ${hex(refusal.refused)}`)
  }

  /** Frames that arrive during a call are passed together in the next call. */
  private async pass(): Promise<void> {
    const { named } = this
    if (named === null || this.passing) return
    this.passing = true
    try {
      while (this.held.length > 0) {
        const batch = packBatch(this.held)
        this.held = []
        this.heldBytes = 0
        await this.platform.peers.deviceOf(named.fleet, named.client).frontFrames(this.name, batch)
      }
    } catch (cause) {
      this.platform.report(`the device of ${this.name} does not answer`, cause)
      this.leave(CLOSE_INTERNAL, 'try again')
    } finally {
      this.passing = false
    }
  }
}
