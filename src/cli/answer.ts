// `starling answer <device> [answer]`: a device on the command line, which answers each call until there were enough, or Ctrl-C.
import { Command, Option } from 'commander'
import type { IClientPublishOptions, IPublishPacket } from 'mqtt'
import { answerTopic, commandIdIn } from '../id/command-topic.ts'
import type { ClientId } from '../id/ids.ts'
import { clientId, duration, whole } from './arguments.ts'
import { type Connection, connect, refusedBy, type Taker } from './connect.ts'
import { untilOver } from './message-end.ts'
import { type Output, outputOf } from './output.ts'
import { shown, textOf } from './payload.ts'
import { clientOf, edgeOf, placeOf } from './place.ts'
import { stopping } from './stop-signal.ts'

const COUNT_MAX = 1_000_000_000
const STATUS_SUCCESS = 200

interface AnswerOptions {
  readonly status: number
  readonly count?: number
  readonly timeout?: number
  readonly mqtt: '3' | '5'
}

export function answerCommand(): Command {
  return new Command('answer')
    .description('be a device: answer each call of it, until Ctrl-C')
    .argument('<device>', 'the client id of the device; a newer connection takes over an older one', clientId)
    .argument(
      '[answer]',
      'what each call is answered with: JSON, or else text; the payload of the call without it',
    )
    .option(
      '--status <n>',
      'the status of the answers, as in HTTP',
      whole('100 to 599', 100, 599),
      STATUS_SUCCESS,
    )
    .option('-n, --count <n>', 'end after so many calls', whole('a number, at least 1', 1, COUNT_MAX))
    .option(
      '--timeout <time>',
      'end after this time: 30s, 5m; with exit code 6 if --count calls have not come by then',
      duration,
    )
    .addOption(new Option('--mqtt <version>', 'the version of MQTT').choices(['3', '5']).default('5'))
    .addHelpText(
      'after',
      `
The device subscribes to devices/<device>/commands/# and publishes each answer to devices/<device>/answers/<id>.

Examples:
  starling answer lamp
  starling answer lamp '{"blinked":3}' --count 1
  starling answer lamp 'no such command' --status 404`,
    )
    .action(answer)
}

async function answer(
  device: ClientId,
  text: string | undefined,
  options: AnswerOptions,
  command: Command,
): Promise<void> {
  const place = await placeOf(command)
  const out = outputOf(command)
  const stopped = stopping()
  const calls = new CallAnswerer(device, text, options, out)
  const connection = await connect(edgeOf(place), await clientOf(place, device, device), {
    version: options.mqtt === '3' ? 3 : 5,
    sessionSeconds: 0,
    clean: true,
    comesBack: true,
    note: out.note,
    taker: calls,
  })
  try {
    await subscribe(connection, device)
    calls.answerOver(connection)
    out.note(`answering as ${device}`)
    const { count, timeout: timeoutMs } = options
    await untilOver(connection, { enough: calls.enough, count, timeoutMs, stopped })
  } finally {
    await connection.end()
  }
}

async function subscribe({ mqtt }: Connection, device: ClientId): Promise<void> {
  const filter = `devices/${device}/commands/#`
  try {
    await mqtt.subscribeAsync(filter, { qos: 1 })
  } catch (error) {
    throw refusedBy(error, `the subscription to ${filter}`)
  }
}

/** Answers calls. A refused answer is a note only: the next call can be answered all the same. */
class CallAnswerer implements Taker {
  /** Resolves when `count` calls have been answered. */
  readonly enough: Promise<void>
  private readonly device: ClientId
  private readonly text: string | undefined
  private readonly status: number
  private readonly version5: boolean
  private readonly out: Output
  private readonly count: number
  private answered = 0
  private isEnough: () => void = () => undefined
  private connected: (connection: Connection) => void = () => undefined
  private readonly connection: Promise<Connection>

  constructor(
    device: ClientId,
    text: string | undefined,
    { status, count, mqtt }: AnswerOptions,
    out: Output,
  ) {
    this.device = device
    this.text = text
    this.status = status
    this.version5 = mqtt === '5'
    this.out = out
    this.count = count ?? Number.POSITIVE_INFINITY
    this.enough = new Promise((done) => {
      this.isEnough = done
    })
    this.connection = new Promise((connected) => {
      this.connected = connected
    })
  }

  answerOver(connection: Connection): void {
    this.connected(connection)
  }

  accepts(): boolean {
    return this.answered < this.count
  }

  take(packet: IPublishPacket, done: () => void): void {
    done()
    const id = commandIdIn(this.device, packet.topic)
    if (id === null || this.answered >= this.count) return
    this.answered++
    const last = this.answered === this.count
    void this.answer(id, packet).then(() => {
      if (last) this.isEnough()
    })
  }

  private async answer(id: string, packet: IPublishPacket): Promise<void> {
    const call = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    const payload = this.text === undefined ? call : Buffer.from(this.text)
    const { topic, options } = this.answerTo(id, packet)
    try {
      const { mqtt } = await this.connection
      await mqtt.publishAsync(topic, payload, options)
    } catch (error) {
      this.out.note(refusedBy(error, `the answer to ${id}`).message)
      return
    }
    const name = packet.topic.split('/').at(-2) ?? ''
    this.out.item(
      { name, id, call: documentOf(call), answer: documentOf(payload), status: this.status },
      () => `${this.out.colors.cyan(name)} ${textFor(call)} → ${this.status} ${textFor(payload)}`,
    )
  }

  /** MQTT 5 answers to the caller's Response Topic. MQTT 3.1.1 has no properties, so the status is a level of the topic. */
  private answerTo(
    id: string,
    { properties }: IPublishPacket,
  ): {
    readonly topic: string
    readonly options: IClientPublishOptions
  } {
    const own = answerTopic(this.device, id)
    if (!this.version5) {
      return { topic: this.status === STATUS_SUCCESS ? own : `${own}/${this.status}`, options: { qos: 1 } }
    }
    const topic = properties?.responseTopic ?? own
    const correlationData = properties?.correlationData
    return {
      topic,
      options: {
        qos: 1,
        properties: {
          ...(correlationData !== undefined && { correlationData }),
          ...(this.status !== STATUS_SUCCESS && { userProperties: { status: String(this.status) } }),
        },
      },
    }
  }
}

function documentOf(bytes: Buffer): unknown {
  const text = textOf(bytes)
  if (text === null) return { base64: bytes.toString('base64') }
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function textFor(bytes: Buffer): string {
  const text = textOf(bytes)
  return text === null ? `<${bytes.length} bytes>` : shown(text)
}
