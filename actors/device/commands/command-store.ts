// The commands of a device that must outlive its actor's memory: those with an idempotency key, those that wait for the device, and
// expired ones that the device may still answer. Bounded in number and bytes, and deleted a day after they expire.
import type { CommandRow, DeviceAnswer } from '../../../src/relay/command.ts'
import { MovedRows } from '../../leaf/handover/moved-rows.ts'
import { COMMAND_KEPT_MS, COMMANDS_KEPT_BYTES_MAX, COMMANDS_KEPT_MAX } from '../../limits.ts'
import type { Platform, SqlRow, SqlValue } from '../../platform.ts'

interface Size {
  rows: number
  characters: number
}

export class CommandStore {
  private readonly platform: Platform
  /** Null before the first write. */
  private size: Size | null = null

  readonly moved: MovedRows

  constructor(platform: Platform) {
    this.platform = platform
    this.moved = new MovedRows(platform.storage, {
      kind: 'command',
      table: 'command',
      key: 'id',
      columns: ['id', 'name', 'fingerprint', 'accepted_at', 'expires_at', 'answer'],
      first: '',
      add: (state, rows) => {
        state.commands = [...(state.commands ?? []), ...rows.map(commandOf)]
      },
    })
  }

  one(id: string): CommandRow | null {
    const [row] = this.rows('SELECT * FROM command WHERE id = ?', id)
    return row === undefined ? null : commandOf(row)
  }

  /** The commands without an answer that have not expired. */
  open(): CommandRow[] {
    const now = this.platform.now()
    return this.rows('SELECT * FROM command WHERE answer IS NULL AND expires_at > ?', now).map(commandOf)
  }

  keep(command: CommandRow): void {
    const { id, name, fingerprint, acceptedAt, expiresAt, answer, caller = null } = command
    const text = answer === null ? null : JSON.stringify(answer)
    const size = this.counted()
    if (size.rows >= COMMANDS_KEPT_MAX) this.makeRoom(size)
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO command (id, name, fingerprint, accepted_at, expires_at, answer, caller) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[id, name, fingerprint, acceptedAt, expiresAt, text, caller],
    )
    size.rows++
    size.characters += text?.length ?? 0
    this.platform.wakeBy(expiresAt + COMMAND_KEPT_MS)
  }

  answered(id: string, answer: DeviceAnswer): void {
    const text = JSON.stringify(answer)
    const size = this.counted()
    this.platform.storage.exec('UPDATE command SET answer = ? WHERE id = ?', text, id)
    size.characters += text.length
    while (size.characters > COMMANDS_KEPT_BYTES_MAX) if (!this.makeRoom(size)) return
  }

  remove(id: string): void {
    this.rows('DELETE FROM command WHERE id = ?', id)
    this.size = null
  }

  /** Deletes the commands that expired long ago. */
  prune(): void {
    const { storage } = this.platform
    storage.exec('DELETE FROM command WHERE expires_at <= ?', this.platform.now() - COMMAND_KEPT_MS)
    this.size = null
    const [next] = storage.exec('SELECT min(expires_at) AS at FROM command')
    if (next?.at != null) this.platform.wakeBy(Number(next.at) + COMMAND_KEPT_MS)
  }

  /** Replaces all rows by those of the former home. */
  import(commands: Iterable<CommandRow>): void {
    this.clear()
    for (const command of commands) this.keep(command)
  }

  clear(): void {
    this.rows('DELETE FROM command')
    this.size = null
  }

  /** Deletes the oldest command that is not open, or else the oldest. False if there is none. */
  private makeRoom(size: Size): boolean {
    const [oldest] = this.rows(
      'SELECT id, length(answer) AS characters FROM command ORDER BY answer IS NULL AND expires_at > ?, accepted_at LIMIT 1',
      this.platform.now(),
    )
    if (oldest === undefined) return false
    this.rows('DELETE FROM command WHERE id = ?', String(oldest.id))
    size.rows--
    size.characters -= Number(oldest.characters ?? 0)
    return true
  }

  private counted(): Size {
    if (this.size === null) {
      const [row] = this.rows('SELECT count(*) AS n, total(length(answer)) AS characters FROM command')
      this.size = { rows: Number(row?.n ?? 0), characters: Number(row?.characters ?? 0) }
    }
    return this.size
  }

  private rows(query: string, ...bindings: SqlValue[]): SqlRow[] {
    return this.platform.storage.exec(query, ...bindings)
  }
}

function commandOf(row: SqlRow): CommandRow {
  return {
    id: String(row.id),
    name: String(row.name),
    fingerprint: String(row.fingerprint),
    acceptedAt: Number(row.accepted_at),
    expiresAt: Number(row.expires_at),
    answer: row.answer === null ? null : (JSON.parse(String(row.answer)) as DeviceAnswer),
    ...(row.caller !== null && { caller: String(row.caller) }),
  }
}
