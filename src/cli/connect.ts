// An MQTT connection of a command to an edge, over mqtt.js: failures have a message and an exit code.
import mqtt, { type IConnackPacket, type IPublishPacket, type MqttClient } from 'mqtt'
import { Reason } from '../mqtt/reason.ts'
import { Exit, exitOfStatus, Failure } from './exit.ts'
import type { As, Edge } from './place.ts'
import { exitOfReason, reasonOfReturnCode, reasonText } from './reasons.ts'

const CONNECT_MS = 30_000
const RECONNECT_MS = 1_000
const KEEP_ALIVE_SECONDS = 60
/** How long a command waits for its DISCONNECT to leave. */
const END_MS = 2_000

export interface ConnectSetting {
  readonly version: 3 | 5
  /** The session outlives the connection. */
  readonly sessionSeconds: number
  /** Clean Start. */
  readonly clean: boolean
  /** Reconnects after a lost connection; without it a lost connection is a failure. */
  readonly comesBack: boolean
  /** Notes to the user about the connection. */
  readonly note: (text: string) => void
  /** Gets the messages. A resumed session sends its queue before any SUBSCRIBE. */
  readonly taker?: Taker
}

export interface Taker {
  /** False leaves the message unacknowledged: it stays in the session's queue. Not called at QoS 0. */
  accepts(packet: IPublishPacket): boolean
  /** Calls back when the message may be acknowledged (QoS 2: completed) and the next one may come. */
  take(packet: IPublishPacket, done: () => void): void
}

export interface Connection {
  readonly mqtt: MqttClient
  readonly sessionPresent: boolean
  /** Resolves when the connection has ended for good, and not by the command. */
  readonly lost: Promise<Failure>
  /** Sends DISCONNECT. */
  end(): Promise<void>
}

export async function connect(edge: Edge, as: As, setting: ConnectSetting): Promise<Connection> {
  const { version, sessionSeconds, clean, comesBack, note, taker } = setting
  const client = mqtt.connect(`${edge.mqtt}/${encodeURIComponent(as.client)}`, {
    clientId: as.client,
    username: as.client,
    password: as.token,
    protocolVersion: version === 5 ? 5 : 4,
    clean,
    keepalive: KEEP_ALIVE_SECONDS,
    connectTimeout: CONNECT_MS,
    reconnectPeriod: comesBack ? RECONNECT_MS : 0,
    ...(version === 5 && { properties: { sessionExpiryInterval: sessionSeconds } }),
    ...(taker !== undefined && {
      customHandleAcks: (_topic, _payload, packet, done) => {
        // With an error mqtt.js acknowledges nothing; `lostOf` ignores this error.
        if (taker.accepts(packet)) done(0)
        else done(new Error('enough'))
      },
    }),
  })
  if (taker !== undefined) client.handleMessage = (packet, done) => taker.take(packet, done)
  const end = async () => {
    const late = new Promise<void>((done) => setTimeout(done, END_MS).unref())
    await Promise.race([client.endAsync().catch(() => undefined), late])
    client.end(true)
  }
  try {
    const { sessionPresent } = await connected(client, edge, version)
    return { mqtt: client, sessionPresent, lost: lostOf(client, edge, comesBack, note), end }
  } catch (error) {
    client.end(true)
    throw error
  }
}

function connected(client: MqttClient, edge: Edge, version: 3 | 5): Promise<IConnackPacket> {
  return new Promise((done, failed) => {
    // mqtt.js hides why an edge refused the upgrade.
    client.stream.once('error', (error: Error) => failed(failureOf(error, edge, version)))
    client.once('error', (error) => failed(failureOf(error, edge, version)))
    client.once('close', () =>
      failed(new Failure(Exit.Unreachable, `${edge.mqtt} closed the connection before it began`)),
    )
    client.once('connect', done)
  })
}

function lostOf(
  client: MqttClient,
  edge: Edge,
  comesBack: boolean,
  note: (text: string) => void,
): Promise<Failure> {
  return new Promise((lost) => {
    let why = ''
    let connectedNow = true
    client.on('disconnect', ({ reasonCode = 0 }) => {
      why = `: ${reasonText(reasonCode)}`
      // Another client has taken this id over. To reconnect would take it back, and so on for ever.
      if (reasonCode !== Reason.SessionTakenOver && reasonCode !== Reason.NotAuthorized) return
      client.end(true)
      lost(new Failure(exitOfReason(reasonCode), `the edge ended the connection${why}`))
    })
    client.on('error', (error) => {
      // Without a reason code the link has failed: try again.
      if (comesBack && !('code' in error && typeof error.code === 'number')) return
      lost(failureOf(error, edge, 5))
    })
    client.on('close', () => {
      if (client.disconnecting) return
      if (!comesBack) lost(new Failure(Exit.Unreachable, `the connection broke${why}`))
      else if (connectedNow) note(`the connection broke${why}; trying again`)
      connectedNow = false
      why = ''
    })
    client.on('connect', () => {
      connectedNow = true
      note('connected again')
    })
  })
}

/** An error of mqtt.js or of the WebSocket as a failure. */
function failureOf(error: Error, edge: Edge, version: 3 | 5): Failure {
  const { code } = error as { code?: unknown }
  if (typeof code === 'number') {
    const reason = version === 5 ? code : reasonOfReturnCode(code)
    return new Failure(exitOfReason(reason), `the edge refused the connection: ${reasonText(reason)}`, {
      cause: error,
    })
  }
  const [, status] = /^Unexpected server response: (\d+)$/.exec(error.message) ?? []
  if (status !== undefined) {
    const exit = exitOfStatus(Number(status))
    const why = exit === Exit.NotAuthorized ? 'the token is not valid here' : `HTTP status ${status}`
    return new Failure(exit, `${edge.mqtt} refused the connection: ${why}`, { cause: error })
  }
  const text = typeof code === 'string' ? code : error.message
  const exit = /timeout/i.test(text) ? Exit.Timeout : Exit.Unreachable
  return new Failure(exit, `${edge.mqtt} cannot be reached (${text})`, { cause: error })
}

/** A refused publish or subscription, as a failure. */
export function refusedBy(error: unknown, what: string): Failure {
  const { code } = error as { code?: unknown }
  if (typeof code === 'number') {
    // The SUBACK of MQTT 3.1.1 has no other failure code than 0x80.
    return new Failure(exitOfReason(code), `${what} was refused: ${reasonText(code)}`, { cause: error })
  }
  if (error instanceof Failure) return error
  const message = error instanceof Error ? error.message : String(error)
  return new Failure(Exit.Failed, `${what} failed: ${message}`, { cause: error })
}
