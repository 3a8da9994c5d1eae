// Calls of a device at its home: publishes each to the device once, and recognises the answer among what the device publishes.
// A call that is answered in time, without an idempotency key, touches memory only.
import {
  answerTopic,
  commandIdIn,
  commandTopic,
  isAnswerTopic,
  parseAnswerTopic,
  parseStatus,
} from '../../../src/id/command-topic.ts'
import type { ClientId } from '../../../src/id/ids.ts'
import { encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { describe, described } from '../../../src/mqtt/message-description.ts'
import { isFailure, Reason } from '../../../src/mqtt/reason.ts'
import { matches, plainFilter } from '../../../src/mqtt/topic.ts'
import { base64ToBytes, bytesToBase64 } from '../../../src/relay/base64.ts'
import {
  COMMAND_BYTES_MAX,
  type CommandAsked,
  type CommandCall,
  type CommandOutcome,
  type CommandRow,
  type DeviceAnswer,
  type HomeCommandResponse,
} from '../../../src/relay/command.ts'
import type { HandoverState } from '../../../src/relay/home.ts'
import type { Session } from '../../../src/session/session.ts'
import { waitAtMost } from '../../calls/waits.ts'
import { NOBODY } from '../../leaf/delivery/sharing.ts'
import type { MovedRows } from '../../leaf/handover/moved-rows.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import type { ImportedState, LeafPart } from '../../leaf/leaf-part.ts'
import type { Refused, Stage, Staged, StagedMessage } from '../../leaf/stages/stage.ts'
import {
  COMMAND_ANSWERS_MAX,
  COMMAND_KNOWN_MARGIN_MS,
  COMMANDS_OPEN_MAX,
  COMMANDS_OPEN_PER_CALLER_MAX,
} from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Presence } from '../presence/presence.ts'
import { CommandStore } from './command-store.ts'

/** The device that is called. */
export interface Callee {
  connected(): boolean
  /** Null if there is none, or it has expired. */
  session(): Session | null
}

/** A command in memory. */
interface Command {
  readonly row: CommandRow
  answer: DeviceAnswer | null
  kept: boolean
  /** The reason code of a publish that failed: the device's queue refused it. */
  refused: number | null
  /** The home has moved to another region. */
  moved: boolean
  readonly settled: Promise<void>
  readonly settle: () => void
}

/** User property of an answer: its status, if its topic has none. */
const STATUS_PROPERTY = 'status'
const SUCCESS = 200

export class Commands implements Stage, LeafPart {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly leaf: Leaf
  private readonly presence: Presence
  private readonly callee: Callee
  private readonly store: CommandStore
  /** Commands that may still be answered in time. Includes those in storage after the first look-up. */
  private readonly open = new Map<string, Command>()
  /** The last answered commands that only memory has: a caller that lost its connection may ask again. */
  private readonly lately = new Map<string, Command>()
  private loaded = false
  /** Memory has every call since this time. */
  private knowsSince: number
  /** When this home began from the core's store, which has no commands; null if this process began no home so. */
  private lostAt: number | null = null

  constructor(platform: Platform, client: ClientId, leaf: Leaf, presence: Presence, callee: Callee) {
    this.platform = platform
    this.client = client
    this.leaf = leaf
    this.presence = presence
    this.callee = callee
    this.store = new CommandStore(platform)
    this.knowsSince = platform.now()
  }

  /**
   * Calls the device unless this command was called before, and waits for the answer for at most `holdMs`.
   * @param epoch of the home that the core takes this region for; null: answers only if the home is known
   */
  async ask(asked: CommandAsked, epoch: number | null): Promise<HomeCommandResponse> {
    const { home } = this.leaf
    const here = epoch === null ? home.settled?.at === 'here' : await home.isHere(epoch)
    if (!here) return home.moved
    const known = this.find(asked.id)
    if (known !== null) {
      if (asked.ask === 'call' && known.row.fingerprint !== asked.fingerprint)
        return done({ state: 'mismatch' })
      return this.wait(known, asked.holdMs)
    }
    if (asked.ask === 'look') return done({ state: 'unknown' })
    if (asked.askedForMs > 0 && !this.wouldKnow(asked)) return done({ state: 'lost' })
    const refused = this.refusal(asked)
    if (refused !== null) return done(refused)
    return this.call(asked)
  }

  /** Recognises the device's answer to a command. Adds the answer's topic to a command by MQTT. */
  accept({ publisher, message, applied }: StagedMessage): Staged | Refused | null {
    const { client } = this
    // A former home has already handled a message that is `again`.
    if (applied || message.acknowledged === 'again') return null
    if (isAnswerTopic(client, message.topic)) {
      // Only the device itself may answer.
      if (publisher !== client) return { refused: Reason.NotAuthorized }
      return this.answered(message) ? { received: true } : null
    }
    const id = commandIdIn(client, message.topic)
    const answerable = id === null ? null : withAnswerTopic(client, id, message)
    return answerable && { message: answerable }
  }

  /** Waiting callers are answered that the home has moved, and ask the next home. */
  afterHandover(): void {
    for (const command of this.open.values()) {
      command.moved = true
      command.settle()
    }
  }

  /** The stored commands. */
  moved(): readonly MovedRows[] {
    return [this.store.moved]
  }

  /** Those that are open in memory. */
  export(): Partial<HandoverState> {
    this.load()
    const open = [...this.open.values(), ...this.lately.values()].filter(
      ({ kept, row }) => !kept || this.store.one(row.id) === null,
    )
    return { commands: open.map(({ row, answer }) => ({ ...row, answer })) }
  }

  /** The core's store has no commands: a home that begins from it only has those that this region stored in an earlier term. */
  import({ commands = [] }: ImportedState, fromStore: boolean): () => void {
    return () => {
      this.open.clear()
      this.lately.clear()
      this.loaded = false
      this.knowsSince = this.platform.now()
      if (fromStore) this.lostAt = this.knowsSince
      else this.store.import(commands)
    }
  }

  /** The next home has everything. */
  clear(): void {
    this.open.clear()
    this.lately.clear()
    this.store.clear()
  }

  alarm(): void {
    this.store.prune()
  }

  private async call(asked: CommandCall): Promise<HomeCommandResponse> {
    const command = this.begin(asked)
    const published = this.leaf
      .publish(NOBODY, [encodeMessage(this.messageOf(asked, command.row))])
      .then(([outcome = Reason.UnspecifiedError]) => {
        if (!isFailure(outcome) || command.answer !== null) return
        command.refused = outcome
        this.open.delete(asked.id)
        if (command.kept) this.store.remove(asked.id)
        command.settle()
      })
    // A caller that does not wait for the answer learns that the device, or its queue, has the command.
    if (asked.holdMs === 0) await published
    else published.catch((cause) => this.platform.report(`a command of ${this.client} failed`, cause))
    return this.wait(command, asked.holdMs)
  }

  private begin({ id, name, fingerprint, timeoutMs, kept, caller }: CommandCall): Command {
    const acceptedAt = this.platform.now()
    const row: CommandRow = {
      id,
      name,
      fingerprint,
      acceptedAt,
      expiresAt: acceptedAt + timeoutMs,
      answer: null,
      ...(caller !== undefined && { caller }),
    }
    const command = made(row, kept || !this.callee.connected())
    if (command.kept) this.store.keep(row)
    this.open.set(id, command)
    return command
  }

  private messageOf({ name, payload, contentType }: CommandCall, { id, expiresAt }: CommandRow): Message {
    return {
      topic: commandTopic(this.client, name, id),
      qos: 1,
      retain: false,
      properties: describe({
        ...(contentType !== null && { contentType }),
        responseTopic: answerTopic(this.client, id),
        correlation: new TextEncoder().encode(id),
      }),
      payload: base64ToBytes(payload),
      expiresAt,
    }
  }

  private async wait(command: Command, holdMs: number): Promise<HomeCommandResponse> {
    const leftMs = command.row.expiresAt - this.platform.now()
    if (command.answer === null && command.refused === null && !command.moved && holdMs > 0 && leftMs > 0)
      await waitAtMost(this.platform, Math.min(holdMs, leftMs), command.settled)
    const { answer, refused, moved } = command
    const row = { ...command.row, answer }
    if (answer !== null) return done({ state: 'answered', command: row })
    if (refused !== null) return done({ state: 'refused', reason: refused })
    if (moved) return this.leaf.home.moved
    if (this.platform.now() < row.expiresAt) return done({ state: 'open', command: row })
    this.expire(command)
    return done({ state: 'expired', command: row })
  }

  /** Stores the command: the device may still answer. */
  private expire(command: Command): void {
    this.open.delete(command.row.id)
    if (command.kept) return
    command.kept = true
    this.store.keep(command.row)
  }

  /** Whether the message is the first answer to a command of this home. */
  private answered(message: Message): boolean {
    const topic = parseAnswerTopic(this.client, message.topic)
    const command = topic === null ? null : this.find(topic.id)
    if (topic === null || command === null || command.answer !== null) return false
    const answer = answerIn(message, topic.status, this.platform.now())
    command.answer = answer
    this.open.delete(topic.id)
    if (command.kept) this.store.answered(topic.id, answer)
    else {
      this.lately.set(topic.id, command)
      const [oldest] = this.lately.keys()
      if (oldest !== undefined && this.lately.size > COMMAND_ANSWERS_MAX) this.lately.delete(oldest)
    }
    command.settle()
    return true
  }

  private find(id: string): Command | null {
    this.load()
    const open = this.open.get(id) ?? this.lately.get(id)
    if (open !== undefined) return open
    const row = this.store.one(id)
    return row === null ? null : made(row, true)
  }

  private load(): void {
    if (this.loaded) return
    this.loaded = true
    for (const row of this.store.open()) this.open.set(row.id, made(row, true))
  }

  /** Whether this home would have the call if it had begun: then an unknown call was never begun. */
  private wouldKnow({ kept, askedForMs }: CommandCall): boolean {
    const since = this.platform.now() - askedForMs - COMMAND_KNOWN_MARGIN_MS
    const { lostAt } = this
    if (kept) return !this.leaf.home.awaitsRemainder && (lostAt === null || lostAt < since)
    return this.knowsSince < since
  }

  /** Why the device is not called. */
  private refusal({ id, name, whenOffline, caller }: CommandCall): CommandOutcome | null {
    this.forgetExpired()
    if (caller !== undefined && this.openOf(caller) >= COMMANDS_OPEN_PER_CALLER_MAX)
      return { state: 'busy', who: 'caller' }
    if (this.open.size >= COMMANDS_OPEN_MAX) return { state: 'busy', who: 'device' }
    const session = this.callee.session()
    const offline = (why: 'away' | 'no-session' | 'deaf') =>
      ({ state: 'offline', why, presence: this.presence.last() }) as const
    if (!this.callee.connected()) {
      if (whenOffline === 'fail') return offline('away')
      if (session === null || !session.persistent) return offline('no-session')
    }
    const topic = commandTopic(this.client, name, id)
    const filters = session === null ? [] : [...session.subscriptions.keys()]
    return filters.some((filter) => matches(plainFilter(filter), topic)) ? null : offline('deaf')
  }

  private openOf(caller: string): number {
    let open = 0
    for (const { row } of this.open.values()) if (row.caller === caller) open++
    return open
  }

  /** Removes expired commands from memory. */
  private forgetExpired(): void {
    const now = this.platform.now()
    for (const [id, { row }] of this.open) if (row.expiresAt <= now) this.open.delete(id)
  }
}

function made(row: CommandRow, kept: boolean): Command {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { row, answer: row.answer, kept, refused: null, moved: false, settled: promise, settle: resolve }
}

function done(outcome: CommandOutcome): HomeCommandResponse {
  return { status: 'done', outcome }
}

/** With a Response Topic for a 5.0 device, if the command by MQTT has none, as in 3.1.1. Null if it has one. */
function withAnswerTopic(device: ClientId, id: string, message: Message): Message | null {
  const said = described(message.properties)
  if (said.responseTopic !== undefined) return null
  const correlation = said.correlation ?? new TextEncoder().encode(id)
  return {
    ...message,
    properties: describe({ ...said, responseTopic: answerTopic(device, id), correlation }),
  }
}

/** @param status in the answer's topic */
function answerIn(
  { properties, payload }: Message,
  status: number | 'wrong' | null,
  at: number,
): DeviceAnswer {
  const { contentType = null, userProperties = [] } = described(properties)
  const said = userProperties.find(([name]) => name === STATUS_PROPERTY)?.[1]
  const found = status ?? (said === undefined ? SUCCESS : parseStatus(said))
  if (payload.length > COMMAND_BYTES_MAX || properties.length > COMMAND_BYTES_MAX)
    return { status: null, payload: '', contentType: null, userProperties: [], at, tooLarge: true }
  return {
    status: found === 'wrong' ? null : found,
    payload: bytesToBase64(payload),
    contentType,
    userProperties: userProperties.map(([name, value]) => [name, value]),
    at,
  }
}
