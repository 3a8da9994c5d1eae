// `starling pub <topic> [payload]`: publishes over MQTT, and prints the acknowledgement.
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { IClientPublishOptions } from 'mqtt'
import type { ClientId } from '../id/ids.ts'
import { clientId, duration, topicName } from './arguments.ts'
import { nameOf } from './client-name.ts'
import { type Connection, connect, refusedBy } from './connect.ts'
import { Exit, Failure } from './exit.ts'
import { type Output, outputOf } from './output.ts'
import { readBytes } from './payload.ts'
import { edgeOf, placeOf } from './place.ts'
import { reasonName, reasonText } from './reasons.ts'

/** Of `--lines`: how many are published before the first of them is acknowledged. */
const WINDOW = 32
const ACKNOWLEDGED_MS = 60_000

type Properties = NonNullable<IClientPublishOptions['properties']>

interface PubOptions {
  readonly qos: '0' | '1' | '2'
  readonly retain?: true
  readonly expiry?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlation?: string
  readonly userProperty?: Record<string, string[]>
  readonly file?: string
  readonly stdin?: true
  readonly lines?: true
  readonly client?: ClientId
  readonly mqtt: '3' | '5'
  readonly timeout: number
}

interface Published {
  readonly topic: string
  readonly qos: number
  readonly retain: boolean
  readonly bytes: number
  readonly client: string
  /** Reason code of the acknowledgement; null at QoS 0. */
  readonly reasonCode: number | null
  readonly reason: string | null
}

export function pubCommand(): Command {
  return new Command('pub')
    .description('publish a message, wait until it is acknowledged, and say with which reason code')
    .argument('<topic>', 'a topic without wildcards', topicName)
    .argument('[payload]', "the message; '' for an empty one, which with --retain removes what is retained")
    .addOption(new Option('-q, --qos <qos>', 'quality of service').choices(['0', '1', '2']).default('1'))
    .option('-r, --retain', 'keep it for those who subscribe later')
    .option('--file <file>', 'the message is what the file holds; - for stdin')
    .option('--stdin', 'the message is what comes on stdin')
    .option('--lines', 'each line of the file, or of stdin, is a message')
    .option('--expiry <time>', 'how long it may wait for a receiver: 30s, 5m, 2h', duration)
    .option('--content-type <type>', 'such as application/json')
    .option('--response-topic <topic>', 'where an answer is to go', topicName)
    .option('--correlation <text>', 'what an answer is to bring along')
    .option('--user-property <name=value>', 'may be given often', userProperty)
    .option(
      '--client <client>',
      'publish as this client; a newer connection takes over an older one',
      clientId,
    )
    .addOption(new Option('--mqtt <version>', 'the version of MQTT').choices(['3', '5']).default('5'))
    .option('--timeout <time>', 'how long the acknowledgement may take', duration, ACKNOWLEDGED_MS)
    .addHelpText(
      'after',
      `
Examples:
  starling pub devices/lamp/cmd/power on
  starling pub rooms/42/state --file state.json --retain --content-type application/json
  generate | starling pub devices/lamp/log --lines`,
    )
    .action(pub)
}

async function pub(topic: string, payload: string | undefined, options: PubOptions, command: Command) {
  checkOptions(payload, options)
  const place = await placeOf(command)
  const out = outputOf(command)
  const edge = edgeOf(place)
  const as = await nameOf(place, options.client, 'pub')
  try {
    const connection = await connect(edge, as, {
      version: options.mqtt === '3' ? 3 : 5,
      sessionSeconds: 0,
      clean: true,
      comesBack: false,
      note: out.note,
    })
    try {
      const one = (bytes: Buffer) => publish(connection, topic, bytes, options, as.client)
      if (options.lines) await publishLines(options.file ?? '-', one, out)
      else {
        const published = await one(await payloadOf(payload, options))
        out.answer(published, () => textFor(published, out))
      }
    } finally {
      await connection.end()
    }
  } finally {
    await as.free()
  }
}

function checkOptions(payload: string | undefined, options: PubOptions): void {
  const sources = [payload, options.file, options.stdin].filter((one) => one !== undefined).length
  if (sources > 1 || (sources === 0 && !options.lines) || (options.lines && payload !== undefined))
    throw new Failure(Exit.Usage, "one message: as an argument ('' for an empty one), --file or --stdin")
  const { expiry, contentType, responseTopic, correlation, userProperty: given } = options
  if (options.mqtt === '3' && (expiry ?? contentType ?? responseTopic ?? correlation ?? given) !== undefined)
    throw new Failure(Exit.Usage, 'MQTT 3.1.1 has no properties')
}

function payloadOf(payload: string | undefined, { file }: PubOptions): Promise<Buffer> | Buffer {
  return payload === undefined ? readBytes(file ?? '-') : Buffer.from(payload)
}

async function publish(
  { mqtt, lost }: Connection,
  topic: string,
  bytes: Buffer,
  options: PubOptions,
  client: string,
): Promise<Published> {
  const qos = Number(options.qos) as 0 | 1 | 2
  const retain = options.retain === true
  const broken = lost.then((failure) => {
    throw new Failure(failure.exit, `${failure.message}; the message may have arrived all the same`)
  })
  const late = new Promise<never>((_, failed) => {
    setTimeout(() => {
      const text = `no acknowledgement within ${options.timeout / 1000} s; the message may have arrived all the same`
      failed(new Failure(Exit.Timeout, text))
    }, options.timeout).unref()
  })
  const sent = mqtt
    .publishAsync(topic, bytes, {
      qos,
      retain,
      ...(options.mqtt === '5' && { properties: propertiesOf(options) }),
    })
    .catch((error: unknown) => {
      throw refusedBy(error, `the message to ${topic}`)
    })
  const packet = (await Promise.race([sent, broken, late])) as { reasonCode?: number } | undefined
  const reasonCode = qos === 0 ? null : (packet?.reasonCode ?? 0)
  const reason = reasonCode === null ? null : reasonName(reasonCode)
  return { topic, qos, retain, bytes: bytes.length, client, reasonCode, reason }
}

function propertiesOf(options: PubOptions): Properties {
  const { expiry, contentType, responseTopic, correlation, userProperty: userProperties } = options
  return {
    ...(expiry !== undefined && { messageExpiryInterval: Math.ceil(expiry / 1000) }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlation !== undefined && { correlationData: Buffer.from(correlation) }),
    ...(userProperties !== undefined && { userProperties }),
  }
}

/** Publishes in order; stops at the first refusal. */
async function publishLines(
  file: string,
  one: (bytes: Buffer) => Promise<Published>,
  out: Output,
): Promise<void> {
  const input = file === '-' ? process.stdin : Readable.from([await readBytes(file)])
  const open: Promise<Published>[] = []
  let count = 0
  const settle = async (most: number) => {
    while (open.length > most) {
      const published = await open.shift()
      if (published === undefined) return
      count++
      out.item(published, () => '')
    }
  }
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const published = one(Buffer.from(line))
    // The loop above awaits it in its turn.
    published.catch(() => undefined)
    open.push(published)
    await settle(WINDOW - 1)
  }
  await settle(0)
  if (!out.json) out.answer(null, () => `${count} messages published`)
}

function textFor({ topic, qos, reasonCode }: Published, { colors }: Output): string {
  const reason = reasonCode === null ? 'not acknowledged, as QoS 0 is' : reasonText(reasonCode)
  return `published to ${colors.cyan(topic)} with QoS ${qos}: ${colors.green(reason)}`
}

function userProperty(text: string, before: Record<string, string[]> = {}): Record<string, string[]> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('such as name=value')
  const name = text.slice(0, at)
  return { ...before, [name]: [...(before[name] ?? []), text.slice(at + 1)] }
}
