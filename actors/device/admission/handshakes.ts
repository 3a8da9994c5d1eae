// From CONNECT to CONNACK. CONNECTs are answered one after another, so that exactly the last one keeps its connection.
import type { ClientId } from '../../../src/id/ids.ts'
import { rootOfClient } from '../../../src/id/root.ts'
import type { ConnectPacket, Properties, ServerPacket } from '../../../src/mqtt/packet.ts'
import type { PacketStream } from '../../../src/mqtt/packet-stream.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { type ConnectRefusal, REVOKED, refuse } from '../../connect-refusal.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import type { Connection, Platform } from '../../platform.ts'
import { NewerDatabase } from '../../storage/database.ts'
import type { Admission, AwaitingConnect } from '../connection/attachment.ts'
import type { Device } from '../device.ts'
import type { DeviceAccess } from './access.ts'
import { admit } from './admit.ts'

/** A CONNECT, and the socket that it came on. */
export interface Handshake {
  readonly connection: Connection
  readonly connect: ConnectPacket
  readonly stream: PacketStream
  readonly awaiting: AwaitingConnect
  /** False once the peer has left. */
  waits(): boolean
  /** To be called once the token or the secret is found right. */
  admitted(): void
}

export interface Refusal {
  readonly refusal: ConnectRefusal
  readonly properties?: Properties
}

/** The Reason String for a client whose actor's database this release cannot read. */
export const NEWER_STATE = 'a newer release of the server wrote this session'

/** `accepted`: CONNACK is sent and the connection is the live one. `left`: the peer has left meanwhile. */
export type HandshakeOutcome = 'accepted' | 'left' | Refusal

export class Handshakes {
  private readonly platform: Platform
  private readonly client: ClientId
  private previous: Promise<unknown> = Promise.resolve()

  constructor(platform: Platform, client: ClientId) {
    this.platform = platform
    this.client = client
  }

  /** @param access @param device read storage when called: `device` only for an admitted client */
  answer(handshake: Handshake, access: () => DeviceAccess, device: () => Device): Promise<HandshakeOutcome> {
    const answered = this.previous
      .then(() => this.answerNow(handshake, access(), device))
      .catch((cause): HandshakeOutcome => {
        if (!(cause instanceof NewerDatabase)) throw cause
        return { refusal: refuse(Reason.ServerUnavailable, NEWER_STATE) }
      })
    this.previous = answered.catch(() => undefined)
    return answered
  }

  private async answerNow(
    handshake: Handshake,
    access: DeviceAccess,
    device: () => Device,
  ): Promise<HandshakeOutcome> {
    const { platform, client } = this
    const admission = await admit(platform, client, access, handshake.connect, handshake.awaiting)
    if (!handshake.waits()) return 'left'
    if ('refused' in admission) return { refusal: admission }
    handshake.admitted()
    const { moveTo } = platform.settings
    if (moveTo !== null)
      return { refusal: refuse(Reason.UseAnotherServer), properties: { serverReference: moveTo } }
    try {
      return await this.connect(handshake, admission, access, device())
    } catch (cause) {
      if (cause instanceof NewerDatabase) throw cause
      // The session's home is elsewhere or unknown, and the core is not reached (promise 7).
      if (cause instanceof CoreUnreachable) return { refusal: refuse(Reason.ServerUnavailable) }
      platform.report('CONNECT failed', cause)
      return { refusal: refuse(Reason.UnspecifiedError) }
    }
  }

  private async connect(
    handshake: Handshake,
    admission: Admission,
    access: DeviceAccess,
    device: Device,
  ): Promise<HandshakeOutcome> {
    const { connection, connect, stream } = handshake
    await device.takeHome(connect.cleanStart, () => handshake.waits())
    // A CONNECT whose client has left must not end the session of a later CONNECT by its Clean Start.
    if (!handshake.waits()) return 'left'
    // The credential may have been revoked while the home moved here.
    if (!access.admits(admission.credential)) return { refusal: refuse(Reason.NotAuthorized, REVOKED) }
    const { live, sessionPresent, properties, dropped } = await device.connect(
      connection,
      connect,
      stream,
      admission,
    )
    if (!handshake.waits()) {
      device.connectionLost()
      return 'left'
    }
    const connack: ServerPacket = {
      type: 'connack',
      sessionPresent, // [MQTT-3.2.2-2] [MQTT-3.2.2-3]
      reason: Reason.Success,
      properties: connect.protocolVersion === 5 ? { ...properties, ...this.answersTo(connect) } : {},
    }
    const withDropped = { ...connack, properties: { ...connack.properties, ...saidOf(dropped) } }
    // [MQTT-3.2.2-19] [MQTT-3.2.2-20]
    device.reply(connect.protocolVersion === 5 && live.takes(withDropped) ? withDropped : connack)
    device.start(live)
    return 'accepted'
  }

  private answersTo({ clientId, properties }: ConnectPacket): Properties {
    return {
      ...(clientId === '' && { assignedClientIdentifier: this.client }), // [MQTT-3.2.2-16]
      ...(properties.requestResponseInformation === true && {
        responseInformation: `${rootOfClient(this.client)}/responses`,
      }),
    }
  }
}

/** A client that returns learns what its full queue has dropped since the session began. */
function saidOf(dropped: number): Properties {
  if (dropped === 0) return {}
  const messages = dropped === 1 ? '1 message was' : `${dropped} messages were`
  return {
    reasonString: `${messages} dropped: the session's queue was full`,
    userProperties: [['dropped-messages', `${dropped}`]],
  }
}
