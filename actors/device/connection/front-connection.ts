// A connection whose socket a FrontActor holds. Its attachment stands in the device's storage: one hop dearer.
import type { Connection, Platform } from '../../platform.ts'
import type { FrontStore } from './front-store.ts'

export class FrontConnection implements Connection {
  readonly name: string
  private readonly platform: Platform
  private readonly store: FrontStore
  private readonly lost: (connection: Connection) => void
  private kept: unknown

  /** @param lost the front does not answer, so the client is gone */
  constructor(
    platform: Platform,
    store: FrontStore,
    name: string,
    kept: unknown,
    lost: (connection: Connection) => void,
  ) {
    this.platform = platform
    this.store = store
    this.name = name
    this.kept = kept
    this.lost = lost
  }

  send(frame: Uint8Array): void {
    this.platform.peers
      .front(this.name)
      .send(frame)
      .catch(() => this.lost(this))
  }

  close(code: number, reason: string): void {
    this.store.remove(this.name)
    this.platform.peers
      .front(this.name)
      .close(code, reason)
      .catch(() => undefined)
  }

  attachment(): unknown {
    return this.kept
  }

  attach(attachment: unknown): void {
    this.kept = attachment
    this.store.save(this.name, attachment)
  }
}
