// The way in to a DeviceActor: tells a new socket from the live one, answers CONNECT and PINGREQ, and hands packets on.
import { checkClientToken } from '../../../src/id/client-token.ts'
import type { ClientId } from '../../../src/id/ids.ts'
import { rootOfClient } from '../../../src/id/root.ts'
import { parseSecret } from '../../../src/id/secret.ts'
import { PINGRESP } from '../../../src/mqtt/encode.ts'
import type { ConnectPacket, Properties } from '../../../src/mqtt/packet.ts'
import { PacketStream } from '../../../src/mqtt/packet-stream.ts'
import { ProtocolViolation, Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import type { Access } from '../../../src/relay/access.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import { refusal } from '../../../src/session/publish-refusal.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import { CONNECT_WAIT_MS, EARLY_FRAME_BYTES_MAX } from '../../limits.ts'
import type { Connection, Platform } from '../../platform.ts'
import { NewerDatabase } from '../../storage/database.ts'
import { Device } from '../device.ts'
import { DeviceAccess } from './access.ts'
import type { Admission, Attachment, AwaitingConnect, LiveConnection } from './attachment.ts'
import { CLOSE_POLICY, closeCode, hex, UNACCEPTABLE_VERSION } from './close-codes.ts'
import {
  type ConnectRefusal,
  DISABLED,
  EXPIRED,
  encodeRefusal,
  NO_PASSWORD,
  OTHER_CLIENT,
  OTHER_CLIENT_ID,
  OTHER_FLEET,
  RESERVED_WILL,
  REVOKED,
  refuse,
} from './connect-refusal.ts'
import { FrontConnection } from './front-connection.ts'
import { FrontStore } from './front-store.ts'

/** A socket that has not said CONNECT, or is being answered. */
interface Arrival {
  readonly stream: PacketStream
  readonly cancelWait: () => void
  /** Frames that came while CONNECT was being answered; null before. */
  early: Uint8Array[] | null
  earlyBytes: number
}

/** Why a client is refused whose actor's database this release cannot read. */
const NEWER_STATE = 'a newer release of the server wrote this session'

export class Gate {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly arrivals = new Map<Connection, Arrival>()
  private fronts: Map<string, FrontConnection> | null = null
  private awake: Device | null = null
  private accessed: DeviceAccess | null = null
  /** CONNECTs are answered one after another, so that exactly the last one stays. */
  private answering: Promise<void> = Promise.resolve()

  constructor(platform: Platform, client: ClientId) {
    this.platform = platform
    this.client = client
  }

  /** The device, read from storage when first needed: a PINGREQ does not need it. */
  get device(): Device {
    this.awake ??= new Device(this.platform, this.client, [
      ...this.platform.connections(),
      ...this.frontConnections.values(),
    ])
    return this.awake
  }

  /** Who may connect, read from storage when first needed. */
  private get access(): DeviceAccess {
    this.accessed ??= new DeviceAccess(this.platform, this.client)
    return this.accessed
  }

  /** The registry has changed who may connect: a connection that may not stand any more is closed. */
  accessChanged(access: Access, clock: number): void {
    this.access.told(access, clock)
    if (this.holdsLive()) this.closeUnlessAdmitted(Reason.AdministrativeAction)
  }

  async alarm(): Promise<void> {
    // A credential may have ended.
    if (this.holdsLive()) this.closeUnlessAdmitted(Reason.NotAuthorized)
    await this.device.alarm()
  }

  /** A FrontActor holds the socket; the client's token is checked again here. */
  frontOpened(name: string): void {
    this.opened(this.front(name), false)
  }

  /** Returns at once: the next frames may hold the acknowledgement that a publish of these waits for. */
  frontFrames(name: string, batch: Uint8Array): void {
    const connection = this.frontConnections.get(name)
    if (connection === undefined) throw new Error(`no front ${name}`)
    for (const frame of unpackBatch(batch)) {
      this.frame(connection, frame).catch((cause) => this.platform.report('a frame failed', cause))
    }
  }

  frontClosed(name: string): void {
    const connection = this.frontConnections.get(name)
    if (connection !== undefined) this.frontLost(connection)
  }

  /**
   * @param authenticated a token of this client came with the upgrade
   * @param global and it says `durability: global`
   * @param secret of this device, which came with the upgrade
   */
  opened(connection: Connection, authenticated: boolean, global = false, secret: string | null = null): void {
    const attachment: Attachment = { phase: 'awaiting-connect', authenticated, global, secret }
    connection.attach(attachment)
    this.arrive(connection)
  }

  async frame(connection: Connection, frame: Uint8Array): Promise<void> {
    if (this.awake?.liveConnection === connection) return this.awake.frame(frame)
    const attachment = connection.attachment() as Attachment | null
    if (attachment === null || attachment.phase === 'closed') return
    if (attachment.phase === 'awaiting-connect') return this.arrivalFrame(connection, attachment, frame)
    // Hibernated: a PINGREQ is answered from the attachment alone, without a read of storage (promise 8).
    if (
      this.awake === null &&
      frame.length === 2 &&
      frame[0] === 0xc0 &&
      frame[1] === 0 &&
      attachment.pending === ''
    ) {
      const kept: LiveConnection = { ...attachment, lastActivityAt: this.platform.now() }
      connection.attach(kept)
      connection.send(PINGRESP)
      return
    }
    try {
      if (this.device.liveConnection === connection) return this.device.frame(frame)
    } catch (cause) {
      if (!(cause instanceof NewerDatabase)) throw cause
      this.leave(connection, closeCode(Reason.ServerUnavailable), NEWER_STATE)
    }
  }

  /** A text frame, or another breach of the transport. [MQTT-6.0.0-1] */
  breach(connection: Connection): void {
    if (this.device.liveConnection === connection) {
      this.device.closeLive(Reason.ProtocolError)
    } else {
      this.leave(connection, closeCode(Reason.ProtocolError), 'only binary frames carry MQTT')
    }
  }

  closed(connection: Connection): void {
    this.forget(connection)
    const attachment = connection.attachment() as Attachment | null
    if (attachment?.phase === 'live' && this.device.liveConnection === connection)
      this.device.connectionLost()
  }

  private get frontConnections(): Map<string, FrontConnection> {
    if (this.fronts === null) {
      const fronts = new Map<string, FrontConnection>()
      this.fronts = fronts
      const store = new FrontStore(this.platform.storage)
      for (const { name, attachment } of store.all())
        fronts.set(name, this.makeFront(store, name, attachment))
    }
    return this.fronts
  }

  private front(name: string): FrontConnection {
    let connection = this.frontConnections.get(name)
    if (connection === undefined) {
      connection = this.makeFront(new FrontStore(this.platform.storage), name, null)
      this.frontConnections.set(name, connection)
    }
    return connection
  }

  private makeFront(store: FrontStore, name: string, attachment: unknown): FrontConnection {
    return new FrontConnection(this.platform, store, name, attachment, () => this.frontClosed(name))
  }

  private frontLost(connection: FrontConnection): void {
    this.closed(connection)
    this.frontConnections.delete(connection.name)
    new FrontStore(this.platform.storage).remove(connection.name)
  }

  private arrive(connection: Connection): Arrival {
    const arrival: Arrival = {
      stream: new PacketStream(this.platform.settings.packetBytesMax),
      early: null,
      earlyBytes: 0,
      cancelWait: this.platform.after(CONNECT_WAIT_MS, () => {
        if (arrival.early === null) this.leave(connection, CLOSE_POLICY, 'no CONNECT came') // [MQTT-3.1.0-1]
      }),
    }
    this.arrivals.set(connection, arrival)
    return arrival
  }

  private async arrivalFrame(
    connection: Connection,
    awaiting: AwaitingConnect,
    frame: Uint8Array,
  ): Promise<void> {
    const arrival = this.arrivals.get(connection) ?? this.arrive(connection)
    if (arrival.early !== null) {
      arrival.earlyBytes += frame.length
      if (arrival.earlyBytes > EARLY_FRAME_BYTES_MAX)
        this.leave(connection, CLOSE_POLICY, 'too much before CONNACK')
      else arrival.early.push(frame)
      return
    }
    const packets = arrival.stream.read(frame, this.platform.now())
    try {
      const first = packets.next()
      if (first.done === true) return
      if (first.value.type !== 'connect') {
        return this.leave(connection, closeCode(Reason.ProtocolError), 'the first packet is not CONNECT') // [MQTT-3.1.0-1]
      }
      arrival.early = []
      const connect = first.value
      const answered = this.answering
        .then(() => this.answer(connection, awaiting, connect, arrival))
        .catch((cause) => {
          if (!(cause instanceof NewerDatabase)) throw cause
          return this.refuse(connection, connect, refuse(Reason.ServerUnavailable, NEWER_STATE))
        })
      this.answering = answered.then(
        () => undefined,
        () => undefined,
      )
      const accepted = await answered
      if (!accepted) return
      // All of it now, in one go: the next frame finds the connection live and must not overtake these.
      const rest = [this.device.packets(packets), ...arrival.early.map((early) => this.device.frame(early))]
      await Promise.all(rest)
    } catch (violation) {
      if (!(violation instanceof ProtocolViolation)) throw violation
      if (violation.reason === Reason.UnsupportedProtocolVersion) connection.send(UNACCEPTABLE_VERSION)
      this.leave(connection, closeCode(violation.reason), violation.message)
    }
  }

  private async answer(
    connection: Connection,
    awaiting: AwaitingConnect,
    connect: ConnectPacket,
    arrival: Arrival,
  ): Promise<boolean> {
    const admission = await this.admits(connect, awaiting)
    // The peer may have left meanwhile.
    if (!this.arrivals.has(connection)) return false
    if ('refused' in admission) return this.refuse(connection, connect, admission)
    const { moveTo } = this.platform.settings
    if (moveTo !== null) {
      return this.refuse(connection, connect, refuse(Reason.UseAnotherServer), { serverReference: moveTo })
    }
    try {
      await this.device.takeHome()
      // A CONNECT that nobody waits for any more must not end, by its Clean Start, what a later one has begun.
      if (!this.arrivals.has(connection)) return false
      // It may have been revoked while the home was being had.
      if (!this.access.admits(admission.credential))
        return this.refuse(connection, connect, refuse(Reason.NotAuthorized, REVOKED))
      const { live, sessionPresent, properties } = await this.device.connect(
        connection,
        connect,
        arrival.stream,
        admission,
      )
      if (!this.arrivals.has(connection)) {
        // The peer left while the home was being had.
        this.device.connectionLost()
        return false
      }
      this.forget(connection)
      const asked: Properties = {
        ...(connect.clientId === '' && { assignedClientIdentifier: this.client }), // [MQTT-3.2.2-16]
        ...(connect.properties.requestResponseInformation === true && {
          responseInformation: `${rootOfClient(this.client)}/responses`,
        }),
      }
      this.device.reply({
        type: 'connack',
        sessionPresent, // [MQTT-3.2.2-2] [MQTT-3.2.2-3]
        reason: Reason.Success,
        properties: connect.protocolVersion === 5 ? { ...properties, ...asked } : {},
      })
      this.device.start(live)
      this.closeUnlessAdmitted(Reason.AdministrativeAction)
      return true
    } catch (cause) {
      if (cause instanceof NewerDatabase) throw cause
      if (!(cause instanceof CoreUnreachable)) {
        this.platform.report('CONNECT failed', cause)
        return this.refuse(connection, connect, refuse(Reason.UnspecifiedError))
      }
      // The session's home is elsewhere, or nowhere yet, and cannot be asked now (promise 7).
      return this.refuse(connection, connect, refuse(Reason.ServerUnavailable))
    }
  }

  /** How the client may publish, or why it may not connect. */
  private async admits(
    connect: ConnectPacket,
    { authenticated, global, secret }: AwaitingConnect,
  ): Promise<ConnectRefusal | Admission> {
    let admission: Admission = { global, credential: null }
    if (connect.properties.authenticationMethod !== undefined) return refuse(Reason.BadAuthenticationMethod) // [MQTT-4.12.0-1]
    if (connect.clientId === '' && connect.protocolVersion === 4 && !connect.cleanStart) {
      return refuse(Reason.ClientIdentifierNotValid) // [MQTT-3.1.3-8, 3.1.1]
    }
    if (!authenticated) {
      const password =
        secret ?? (connect.password === null ? null : new TextDecoder().decode(connect.password))
      if (password === null) return refuse(Reason.NotAuthorized, NO_PASSWORD)
      const admitted = await this.admitsBy(password)
      if ('refused' in admitted) return admitted
      admission = admitted
    }
    // From here on the client has proven who it is, so that it may be told more.
    if (this.access.disabled) return refuse(Reason.NotAuthorized, DISABLED)
    if (connect.clientId !== '' && connect.clientId !== this.client)
      return refuse(Reason.ClientIdentifierNotValid, OTHER_CLIENT_ID)
    if (connect.will !== null) {
      const { topic } = connect.will.message
      if (refusal(topic) === Reason.NotAuthorized) return refuse(Reason.NotAuthorized, RESERVED_WILL)
    }
    return admission
  }

  /** @param password a token, or a device's secret */
  private async admitsBy(password: string): Promise<ConnectRefusal | Admission> {
    if (parseSecret(password) !== null) {
      const admitted = await this.access.admit(password)
      return typeof admitted === 'number'
        ? refuse(admitted)
        : { global: false, credential: admitted.credential }
    }
    const { settings } = this.platform
    const claims = await checkClientToken(password, settings.clientTokenSecret, this.platform.now())
    if (claims === 'expired') return refuse(Reason.BadUserNameOrPassword, EXPIRED)
    if (claims === 'invalid') return refuse(Reason.BadUserNameOrPassword)
    if (claims.fleet !== this.platform.fleet) return refuse(Reason.NotAuthorized, OTHER_FLEET)
    if (claims.client !== this.client) return refuse(Reason.NotAuthorized, OTHER_CLIENT)
    return { global: claims.durability === 'global', credential: null }
  }

  private holdsLive(): boolean {
    if (this.awake !== null) return this.awake.liveConnection !== null
    return [...this.platform.connections(), ...this.frontConnections.values()].some(
      (connection) => (connection.attachment() as Attachment | null)?.phase === 'live',
    )
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

  private refuse(
    connection: Connection,
    connect: ConnectPacket,
    refusal: ConnectRefusal,
    properties: Properties = {},
  ): false {
    connection.send(encodeRefusal(connect, refusal, properties))
    this.leave(connection, CLOSE_POLICY, `MQTT reason ${hex(refusal.refused)}`) // [MQTT-3.2.2-7]
    return false
  }

  private leave(connection: Connection, code: number, why: string): void {
    this.forget(connection)
    const attachment: Attachment = { phase: 'closed' }
    connection.attach(attachment)
    connection.close(code, why)
  }

  private forget(connection: Connection): void {
    this.arrivals.get(connection)?.cancelWait()
    this.arrivals.delete(connection)
  }
}
