// `starling shadow watch <device>`: the shadow now, and each change of it, by its topics.
import { Command } from 'commander'
import type { ISubscriptionMap } from 'mqtt'
import { z } from 'zod'
import type { ClientId } from '../id/ids.ts'
import { CLASSIC_SHADOW, namedShadow } from '../id/shadow-topic.ts'
import { difference, type JsonObject } from '../shadow/json.ts'
import { clientId, duration, whole } from './arguments.ts'
import { askShadow } from './ask-shadow.ts'
import { nameOf } from './client-name.ts'
import { connect, refusedBy } from './connect.ts'
import { Exit, Failure } from './exit.ts'
import { untilOver } from './message-end.ts'
import { type Output, outputOf } from './output.ts'
import { edgeOf, type Place, placeOf } from './place.ts'
import { type ShadowDocument, shadowDocumentSchema, shadowTable, titleOf } from './shadow-document.ts'
import { stopping } from './stop-signal.ts'

const COUNT_MAX = 1_000_000_000

interface WatchOptions {
  readonly name?: string
  readonly client?: ClientId
  readonly count?: number
  readonly timeout?: number
}

type Change =
  | ({ readonly kind: 'document' } & ShadowDocument)
  /** The shadow was never made, or has been removed. */
  | { readonly kind: 'none' }

const documentsSchema = z.object({ current: shadowDocumentSchema })
const deletedSchema = z.object({ version: z.int() })

export function shadowWatchCommand(): Command {
  return new Command('watch')
    .description('print the shadow, and again whenever it changes, until Ctrl-C')
    .option('-n, --count <n>', 'end after so many', whole('a number, at least 1', 1, COUNT_MAX))
    .option(
      '--timeout <time>',
      'end after this time: 30s, 5m; with exit code 6 if --count were not there',
      duration,
    )
    .option('--client <client>', 'subscribe as this client', clientId)
    .addHelpText(
      'after',
      `
With --json each line is a document with kind "document", or {"kind":"none"} where there is no shadow.`,
    )
    .action(watch)
}

async function watch(device: ClientId, options: WatchOptions, command: Command): Promise<void> {
  const { name, count, timeout } = options
  const place = await placeOf(command)
  const out = outputOf(command)
  const stopped = stopping()
  const as = await nameOf(place, options.client, 'watch')
  try {
    const connection = await connect(edgeOf(place), as, {
      version: 5,
      sessionSeconds: 0,
      clean: true,
      comesBack: true,
      note: out.note,
    })
    try {
      const path = name === undefined ? CLASSIC_SHADOW : namedShadow(name)
      const topics = [
        `devices/${device}/${path}/update/documents`,
        `devices/${device}/${path}/delete/accepted`,
      ]
      const { mqtt } = connection
      const printer = new Printer(titleOf(device, name), out, count)
      // One after the other, so that the read comes before later changes.
      let turn: Promise<void> = Promise.resolve()
      const read = () => {
        turn = turn.then(async () => {
          for (const topic of topics) {
            // Subscribe again even if mqtt.js did: the read must come after the subscription.
            const wanted: ISubscriptionMap = { [topic]: { qos: 1 } }
            await mqtt.subscribeAsync({ ...wanted, resubscribe: true } as ISubscriptionMap)
          }
          printer.read(await readShadow(place, device, name))
        })
        return turn
      }
      mqtt.on('message', (topic, payload) => {
        turn = turn.then(() => printer.received(topic === topics[0], payload))
      })
      await read().catch((error: unknown) => {
        throw refusedBy(error, 'watching')
      })
      // Reads the changes made while the connection was lost.
      mqtt.on('connect', () => {
        read().catch((error: unknown) => {
          turn = Promise.resolve()
          out.note(`what changed meanwhile is not known: ${refusedBy(error, 'reading').message}`)
        })
      })
      await untilOver(connection, { enough: printer.enough, count, timeoutMs: timeout, stopped })
    } finally {
      await connection.end()
    }
  } finally {
    await as.free()
  }
}

/** Null if there is no shadow. */
async function readShadow(
  place: Place,
  device: ClientId,
  name: string | undefined,
): Promise<ShadowDocument | null> {
  try {
    return (await askShadow(place, device, name, shadowDocumentSchema)).body
  } catch (error) {
    if (error instanceof Failure && error.exit === Exit.NotFound) return null
    throw error
  }
}

/** Prints each version once, in order. */
class Printer {
  readonly enough: Promise<void>
  private readonly title: string
  private readonly out: Output
  private readonly count: number
  private printed = 0
  private last: { readonly kind: Change['kind']; readonly version: number } | null = null
  private isEnough: () => void = () => undefined

  constructor(title: string, out: Output, count: number | undefined) {
    this.title = title
    this.out = out
    this.count = count ?? Number.POSITIVE_INFINITY
    this.enough = new Promise((done) => {
      this.isEnough = done
    })
  }

  read(document: ShadowDocument | null): void {
    if (document !== null) this.document(document)
    else if (this.last?.kind !== 'none') this.print({ kind: 'none' }, this.last?.version ?? 0)
  }

  received(isDocument: boolean, payload: Uint8Array): void {
    const body: unknown = JSON.parse(new TextDecoder().decode(payload))
    if (!isDocument) {
      const { version } = deletedSchema.parse(body)
      if (this.last?.kind !== 'none' && version >= (this.last?.version ?? 0))
        this.print({ kind: 'none' }, version)
      return
    }
    const { current } = documentsSchema.parse(body)
    const { desired, reported } = current.state
    const delta = difference((desired ?? {}) as JsonObject, (reported ?? {}) as JsonObject)
    this.document(delta === null ? current : { ...current, state: { ...current.state, delta } })
  }

  private document(document: ShadowDocument): void {
    const { last } = this
    if (last === null || document.version > last.version)
      this.print({ kind: 'document', ...document }, document.version)
  }

  private print(change: Change, version: number): void {
    if (this.printed === this.count) return
    this.last = { kind: change.kind, version }
    this.out.item(change, () =>
      change.kind === 'none' ? `${this.title}: no shadow` : shadowTable(this.title, change, this.out),
    )
    this.printed++
    if (this.printed === this.count) this.isEnough()
  }
}
