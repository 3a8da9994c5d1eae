// What a host tells an actor: alarms, and the events of its sockets. The calls of other actors are apart: they are the methods of
// the actor's contract, the `…-peer.ts` file beside it.
import type { FleetId } from '../src/id/ids.ts'
import type { Connection } from './platform.ts'

export interface Actor {
  /** The time of a `wakeBy` has come. A rejection makes the host call again. */
  alarm(): Promise<void>
}

/** What the host has checked of the request that opens a connection, before the actor sees a packet. */
export interface Upgrade {
  /** The durability that a verified token says; null if no token came with the request. */
  readonly token: 'local' | 'global' | null
  /** A device's secret, not checked. */
  readonly secret: string | null
  /** The fleet that the request names. */
  readonly fleet: FleetId
}

/** An actor that holds connections. */
export interface SocketActor extends Actor {
  opened(connection: Connection, upgrade: Upgrade): void
  /** Resolves when what the frame published is settled. */
  frame(connection: Connection, frame: Uint8Array): Promise<void>
  /** MQTT knows only binary frames. [MQTT-6.0.0-1] */
  textFrame(connection: Connection): void
  /** The client's end is gone. */
  closed(connection: Connection): void | Promise<void>
}
