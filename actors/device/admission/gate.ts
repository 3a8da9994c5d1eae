// The entrance to a client's actor: admits sockets, and passes the frames of the live one to the device. The face of this room.
import type { ClientId } from '../../../src/id/ids.ts'
import { PINGRESP } from '../../../src/mqtt/encode.ts'
import type { ConnectPacket } from '../../../src/mqtt/packet.ts'
import { ProtocolViolation, Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import type { Access } from '../../../src/relay/access.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import { CLOSE_POLICY, closeCode, hex } from '../../close-codes.ts'
import { encodeRefusal, encodeViolation } from '../../connect-refusal.ts'
import type { Connection, Platform } from '../../platform.ts'
import { NewerDatabase } from '../../storage/database.ts'
import {
  type Attachment,
  type AwaitingConnect,
  closeAttached,
  type LiveConnection,
} from '../connection/attachment.ts'
import { Device } from '../device.ts'
import { DeviceAccess } from './access.ts'
import { Arrivals, type Parting } from './arrivals.ts'
import { type FrontConnection, Fronts } from './fronts.ts'
import { Handshakes, NEWER_STATE, type Refusal } from './handshakes.ts'

const PARTINGS: Readonly<Record<Parting, string>> = {
  silent: 'no CONNECT came', // [MQTT-3.1.0-1]
  crowded: 'newer sockets wait for CONNACK here',
  'too-much': 'too much before CONNACK',
}

export class Gate {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly arrivals: Arrivals
  private readonly handshakes: Handshakes
  // Read from storage when first needed: a PINGREQ needs none of them (promise 8).
  private lazyFronts: Fronts | null = null
  private lazyDevice: Device | null = null
  private lazyAccess: DeviceAccess | null = null

  constructor(platform: Platform, client: ClientId) {
    this.platform = platform
    this.client = client
    this.arrivals = new Arrivals(platform, (connection, why) =>
      this.leave(connection, CLOSE_POLICY, PARTINGS[why]),
    )
    this.handshakes = new Handshakes(platform, client)
  }

  get device(): Device {
    this.lazyDevice ??= new Device(this.platform, this.client, this.connections)
    return this.lazyDevice
  }

  /** The registry has changed who may connect. @param clock what the sender's clock says */
  accessChanged(access: Access, clock: number): void {
    this.access.changed(access, clock)
    if (this.hasLiveConnection) this.closeUnlessAdmitted(Reason.AdministrativeAction)
  }

  async alarm(): Promise<void> {
    // The connection's credential may have ended.
    if (this.hasLiveConnection) this.closeUnlessAdmitted(Reason.NotAuthorized)
    await this.device.alarm()
  }

  /** A FrontActor has opened a socket for this client. CONNECT with its token follows, and is checked here too. */
  frontOpened(name: string): void {
    this.opened(this.fronts.open(name), false)
  }

  /** Returns at once: a later batch may hold the acknowledgement that a publish in this batch waits for. */
  frontFrames(name: string, batch: Uint8Array): void {
    const connection = this.fronts.one(name)
    if (connection === undefined) throw new Error(`no front ${name}`)
    for (const frame of unpackBatch(batch)) {
      this.frame(connection, frame).catch((cause) => this.platform.report('a frame failed', cause))
    }
  }

  frontClosed(name: string): void {
    const connection: FrontConnection | undefined = this.fronts.one(name)
    if (connection === undefined) return
    this.closed(connection)
    this.fronts.remove(name)
  }

  /**
   * @param authenticated a token of this client came with the upgrade
   * @param global the token says `durability: global`
   * @param secret this device's secret, if it came with the upgrade
   */
  opened(connection: Connection, authenticated: boolean, global = false, secret: string | null = null): void {
    const attachment: Attachment = { phase: 'awaiting-connect', authenticated, global, secret }
    connection.attach(attachment)
    this.arrivals.of(connection, authenticated ? 'proven' : 'none')
  }

  async frame(connection: Connection, frame: Uint8Array): Promise<void> {
    // The connection is live before the frames that were held for it are passed on: this one follows them.
    if (this.arrivals.holds(connection)) return this.arrivals.hold(connection, frame)
    if (this.lazyDevice?.liveConnection === connection) return this.lazyDevice.frame(frame)
    const attachment = connection.attachment() as Attachment | null
    if (attachment === null || attachment.phase === 'closed') return
    if (attachment.phase === 'live' && attachment.closing === true) return
    if (attachment.phase === 'awaiting-connect') return this.arrivalFrame(connection, attachment, frame)
    const needsDevice = attachment.pending !== '' || attachment.retainedWaits === true
    if (this.lazyDevice === null && !needsDevice && isPingreq(frame))
      return this.answerPing(connection, attachment)
    try {
      if (this.device.liveConnection === connection) return this.device.frame(frame)
    } catch (cause) {
      if (!(cause instanceof NewerDatabase)) throw cause
      this.leave(connection, closeCode(Reason.ServerUnavailable), NEWER_STATE)
    }
  }

  /**
   * A text frame, or another breach of the transport. [MQTT-6.0.0-1] A device that is not in memory stays there: it learns of the
   * end of its connection when the socket has closed.
   */
  breach(connection: Connection): void {
    const attachment = connection.attachment() as Attachment | null
    if (this.lazyDevice?.liveConnection === connection) {
      this.lazyDevice.closeLive(Reason.ProtocolError)
    } else if (attachment?.phase === 'live' && this.lazyDevice === null) {
      closeAttached(connection, attachment, Reason.ProtocolError)
    } else {
      this.leave(connection, closeCode(Reason.ProtocolError), 'only binary frames carry MQTT')
    }
  }

  closed(connection: Connection): void {
    this.arrivals.end(connection)
    const attachment = connection.attachment() as Attachment | null
    if (attachment?.phase === 'live' && this.device.liveConnection === connection)
      this.device.connectionLost()
  }

  private get access(): DeviceAccess {
    this.lazyAccess ??= new DeviceAccess(this.platform, this.client)
    return this.lazyAccess
  }

  private get fronts(): Fronts {
    this.lazyFronts ??= new Fronts(this.platform, (name) => this.frontClosed(name))
    return this.lazyFronts
  }

  private get connections(): Connection[] {
    return [...this.platform.connections(), ...this.fronts.all()]
  }

  private get hasLiveConnection(): boolean {
    if (this.lazyDevice !== null) return this.lazyDevice.liveConnection !== null
    return this.connections.some(
      (connection) => (connection.attachment() as Attachment | null)?.phase === 'live',
    )
  }

  /** After hibernation: the attachment alone answers a PINGREQ. */
  private answerPing(connection: Connection, attachment: LiveConnection): void {
    const { unread: _, ...rest } = attachment
    const active: LiveConnection = { ...rest, lastActivityAt: this.platform.now() }
    connection.attach(active)
    connection.send(PINGRESP)
  }

  private async arrivalFrame(
    connection: Connection,
    awaiting: AwaitingConnect,
    frame: Uint8Array,
  ): Promise<void> {
    const { stream } = this.arrivals.of(connection, awaiting.authenticated ? 'proven' : 'none')
    const packets = stream.read(frame, this.platform.now())
    try {
      const first = packets.next()
      if (first.done === true) return this.arrivals.partial()
      const connect = first.value
      if (connect.type !== 'connect') {
        return this.leave(connection, closeCode(Reason.ProtocolError), 'the first packet is not CONNECT') // [MQTT-3.1.0-1]
      }
      this.arrivals.connecting(connection, frame)
      if (!this.arrivals.waits(connection)) return
      const outcome = await this.handshakes.answer(
        {
          connection,
          connect,
          stream,
          awaiting,
          waits: () => this.arrivals.waits(connection),
          admitted: () => this.arrivals.proven(connection),
        },
        () => this.access,
        () => this.device,
      )
      if (outcome === 'left') return
      if (outcome !== 'accepted') return this.refuse(connection, connect, outcome)
      const early = this.arrivals.letIn(connection)
      this.closeUnlessAdmitted(Reason.AdministrativeAction)
      // All held frames at once: from here on the next frame goes straight to the device and must not overtake them.
      await Promise.all([this.device.packets(packets), ...early.map((held) => this.device.frame(held))])
    } catch (violation) {
      if (!(violation instanceof ProtocolViolation)) throw violation
      const answer = encodeViolation(violation)
      if (answer !== null) connection.send(answer)
      this.leave(connection, closeCode(violation.reason), violation.message)
    }
  }

  private closeUnlessAdmitted(reason: ReasonCode): void {
    const { admission } = this.device
    if (admission === null) return
    const { credential } = admission
    if (!this.access.admits(credential)) {
      this.device.closeLive(reason)
      return
    }
    const end = credential === null ? null : this.access.endOf(credential)
    if (end != null) this.platform.wakeBy(end)
  }

  private refuse(connection: Connection, connect: ConnectPacket, { refusal, properties }: Refusal): void {
    connection.send(encodeRefusal(connect, refusal, properties)) // [MQTT-3.2.2-6]
    this.leave(connection, CLOSE_POLICY, `MQTT reason ${hex(refusal.refused)}`) // [MQTT-3.2.2-7]
  }

  private leave(connection: Connection, code: number, why: string): void {
    this.arrivals.end(connection)
    const attachment: Attachment = { phase: 'closed' }
    connection.attach(attachment)
    connection.close(code, why)
  }
}

function isPingreq(frame: Uint8Array): boolean {
  return frame.length === 2 && frame[0] === 0xc0 && frame[1] === 0
}
