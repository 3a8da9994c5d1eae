// `starling sub <filter…>`: prints messages as they come, until `--count`, `--timeout` or Ctrl-C.
import { once } from 'node:events'
import { Command, Option } from 'commander'
import type { IPublishPacket } from 'mqtt'
import type { ClientId } from '../id/ids.ts'
import { clientId, duration, topicFilter, whole } from './arguments.ts'
import { nameOf } from './client-name.ts'
import { type Connection, connect, refusedBy, type Taker } from './connect.ts'
import { Exit, Failure } from './exit.ts'
import { untilOver } from './message-end.ts'
import { type Output, outputOf } from './output.ts'
import { shown, textOf } from './payload.ts'
import { edgeOf, placeOf } from './place.ts'
import { stopping } from './stop-signal.ts'

const COUNT_MAX = 1_000_000_000

interface SubOptions {
  readonly qos: '0' | '1' | '2'
  readonly count?: number
  readonly timeout?: number
  readonly client?: ClientId
  readonly sessionExpiry?: number
  readonly clean?: true
  readonly retained: boolean
  readonly raw?: true
  readonly mqtt: '3' | '5'
}

export function subCommand(): Command {
  return new Command('sub')
    .description('print the messages that match a filter, as they come')
    .argument(
      '<filter...>',
      'topic filters: devices/+/telemetry, rooms/42/#',
      (text, before: string[] = []) => [...before, topicFilter(text)],
    )
    .addOption(
      new Option('-q, --qos <qos>', 'the highest quality of service').choices(['0', '1', '2']).default('1'),
    )
    .option('-n, --count <n>', 'end after so many messages', whole('a number, at least 1', 1, COUNT_MAX))
    .option(
      '--timeout <time>',
      'end after this time: 30s, 5m; with exit code 6 if --count were not there yet',
      duration,
    )
    .option('--raw', 'print the payloads alone, byte for byte, a line feed behind each')
    .option('--no-retained', 'without what was retained before')
    .option(
      '--client <client>',
      'subscribe as this client; a newer connection takes over an older one',
      clientId,
    )
    .option(
      '--session-expiry <time>',
      'keep the session for so long once this ends: 1h, 7d; needs --client',
      duration,
    )
    .option('--clean', 'begin without what an earlier session has kept')
    .addOption(new Option('--mqtt <version>', 'the version of MQTT').choices(['3', '5']).default('5'))
    .addHelpText(
      'after',
      `
A message is acknowledged once it is printed. With --json each is one line: topic, payload (or payloadBase64 where it is no
text), qos, retain, dup, at, properties.

Examples:
  starling sub 'devices/+/telemetry' --json | jq .payload
  starling sub 'devices/lamp/#' --count 1 --timeout 30s
  starling sub 'rooms/42/#' --client auditor --session-expiry 7d`,
    )
    .action(sub)
}

async function sub(filters: string[], options: SubOptions, command: Command): Promise<void> {
  const place = await placeOf(command)
  const out = outputOf(command)
  const { sessionExpiry, client } = options
  if (sessionExpiry !== undefined && client === undefined && place.token === null)
    throw new Failure(Exit.Usage, 'a session that is kept needs a name: --client')
  const edge = edgeOf(place)
  const stopped = stopping()
  const printer = new Printer(options, out)
  const as = await nameOf(place, client, 'sub')
  try {
    const connection = await connect(edge, as, {
      version: options.mqtt === '3' ? 3 : 5,
      sessionSeconds: Math.ceil((sessionExpiry ?? 0) / 1000),
      clean: options.clean === true || sessionExpiry === undefined,
      comesBack: true,
      note: out.note,
      taker: printer,
    })
    try {
      await subscribe(connection, filters, options)
      out.note(`subscribed as ${as.client}${connection.sessionPresent ? '; its session goes on' : ''}`)
      const { count, timeout: timeoutMs } = options
      await untilOver(connection, { enough: printer.enough, count, timeoutMs, stopped })
    } finally {
      await connection.end()
    }
  } finally {
    await as.free()
  }
}

async function subscribe({ mqtt }: Connection, filters: string[], options: SubOptions): Promise<void> {
  const qos = Number(options.qos) as 0 | 1 | 2
  // One SUBSCRIBE for each filter: of several, mqtt.js does not tell which one was refused.
  for (const filter of filters) {
    try {
      await mqtt.subscribeAsync(filter, { qos, ...(!options.retained && { rh: 2 }) })
    } catch (error) {
      throw refusedBy(error, `the subscription to ${filter}`)
    }
  }
}

/** Prints messages. Messages beyond `count` are not acknowledged, so they stay in the session's queue. */
class Printer implements Taker {
  /** Resolves when `count` messages are printed. */
  readonly enough: Promise<void>
  private readonly raw: boolean
  private readonly out: Output
  private readonly count: number
  private printed = 0
  /** QoS 2 messages that are accepted and not printed. */
  private readonly open = new Set<number>()
  private isEnough: () => void = () => undefined

  constructor({ raw, count }: SubOptions, out: Output) {
    this.raw = raw === true
    this.out = out
    this.count = count ?? Number.POSITIVE_INFINITY
    this.enough = new Promise((done) => {
      this.isEnough = done
    })
  }

  accepts({ qos, messageId = 0 }: IPublishPacket): boolean {
    if (this.open.has(messageId)) return true
    if (this.printed + this.open.size >= this.count) return false
    if (qos === 2) this.open.add(messageId)
    return true
  }

  take(packet: IPublishPacket, done: () => void): void {
    if (this.printed >= this.count) {
      done()
      return
    }
    this.open.delete(packet.messageId ?? 0)
    if (this.raw) process.stdout.write(Buffer.concat([bytesOf(packet), Buffer.from('\n')]))
    else this.out.item(documentOf(packet), () => textFor(packet, this.out))
    this.printed++
    // Backpressure: a slow reader of stdout delays the acknowledgements.
    const written = process.stdout.writableNeedDrain ? once(process.stdout, 'drain') : Promise.resolve()
    written.then(
      () => {
        done()
        if (this.printed === this.count) this.isEnough()
      },
      () => undefined,
    )
  }
}

function bytesOf({ payload }: IPublishPacket): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}

/** A message as JSON. */
export function documentOf(packet: IPublishPacket): Record<string, unknown> {
  const { topic, qos, retain, dup, properties = {} } = packet
  const bytes = bytesOf(packet)
  const text = textOf(bytes)
  const { messageExpiryInterval, contentType, responseTopic, correlationData } = properties
  const { userProperties, subscriptionIdentifier } = properties
  const said = {
    ...(messageExpiryInterval !== undefined && { expirySeconds: messageExpiryInterval }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationBase64: correlationData.toString('base64') }),
    ...(userProperties !== undefined && { userProperties }),
    ...(subscriptionIdentifier !== undefined && { subscriptionIdentifier }),
  }
  return {
    topic,
    ...(text === null ? { payloadBase64: bytes.toString('base64') } : { payload: text }),
    qos,
    retain,
    dup,
    at: new Date().toISOString(),
    ...(Object.keys(said).length > 0 && { properties: said }),
  }
}

function textFor(packet: IPublishPacket, { colors }: Output): string {
  const bytes = bytesOf(packet)
  const text = textOf(bytes)
  const payload = text === null ? `<${bytes.length} bytes> ${bytes.toString('base64')}` : shown(text)
  return `${colors.cyan(shown(packet.topic))} ${payload}`
}
