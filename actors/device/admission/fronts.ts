// Connections whose socket a FrontActor holds, one hop away. Their attachments are in this actor's storage, since the platform
// stores attachments only for an actor's own sockets.
import type { Connection, Platform, Storage } from '../../platform.ts'
import type { Attachment } from '../connection/attachment.ts'

export class FrontConnection implements Connection {
  readonly name: string
  private readonly platform: Platform
  private readonly store: FrontStore
  private readonly lost: (name: string) => void
  private attached: unknown

  /** @param lost called when the FrontActor does not answer: the client is gone */
  constructor(
    platform: Platform,
    store: FrontStore,
    name: string,
    attached: unknown,
    lost: (name: string) => void,
  ) {
    this.platform = platform
    this.store = store
    this.name = name
    this.attached = attached
    this.lost = lost
  }

  send(frame: Uint8Array): void {
    this.platform.peers
      .front(this.name)
      .send(frame)
      .catch(() => this.lost(this.name))
  }

  close(code: number, reason: string): void {
    this.store.remove(this.name)
    this.platform.peers
      .front(this.name)
      .close(code, reason)
      .catch(() => undefined)
  }

  attachment(): unknown {
    return this.attached
  }

  attach(attachment: unknown): void {
    this.attached = attachment
    // Before CONNACK nothing is stored: a client that has not proven who it is costs no row.
    if ((attachment as Attachment).phase === 'live') this.store.save(this.name, attachment)
  }
}

/** All connections behind FrontActors, by the FrontActor's name. Reads storage when first asked. */
export class Fronts {
  private readonly platform: Platform
  private readonly store: FrontStore
  private readonly lost: (name: string) => void
  private readonly connections = new Map<string, FrontConnection>()

  /** @param lost called when a FrontActor does not answer */
  constructor(platform: Platform, lost: (name: string) => void) {
    this.platform = platform
    this.store = new FrontStore(platform.storage)
    this.lost = lost
    for (const { name, attachment } of this.store.all()) this.add(name, attachment)
  }

  all(): FrontConnection[] {
    return [...this.connections.values()]
  }

  one(name: string): FrontConnection | undefined {
    return this.connections.get(name)
  }

  /** The connection of this name, which begins here if there is none. */
  open(name: string): FrontConnection {
    return this.connections.get(name) ?? this.add(name, null)
  }

  remove(name: string): void {
    this.connections.delete(name)
    this.store.remove(name)
  }

  private add(name: string, attachment: unknown): FrontConnection {
    const connection = new FrontConnection(this.platform, this.store, name, attachment, this.lost)
    this.connections.set(name, connection)
    return connection
  }
}

class FrontStore {
  private readonly storage: Storage

  constructor(storage: Storage) {
    this.storage = storage
  }

  all(): { readonly name: string; readonly attachment: unknown }[] {
    return this.storage.exec('SELECT name, attachment FROM front').map((row) => ({
      name: String(row.name),
      attachment: JSON.parse(String(row.attachment)),
    }))
  }

  save(name: string, attachment: unknown): void {
    this.storage.exec(
      'INSERT OR REPLACE INTO front (name, attachment) VALUES (?, ?)',
      name,
      JSON.stringify(attachment),
    )
  }

  remove(name: string): void {
    this.storage.exec('DELETE FROM front WHERE name = ?', name)
  }
}
