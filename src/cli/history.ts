// `starling history <device>`: stored messages, page by page up to the limit.
import { Command, InvalidArgumentError } from 'commander'
import type { z } from 'zod'
import { keptPageSchema } from '../api/history.ts'
import { PAGE_LIMIT_MAX } from '../api/paging.ts'
import { INSTANT } from '../history/duration.ts'
import type { ClientId } from '../id/ids.ts'
import { clientId, whole } from './arguments.ts'
import { ask } from './ask.ts'
import { outputOf } from './output.ts'
import { adminToken, edgeOf, placeOf } from './place.ts'

interface HistoryOptions {
  readonly topic: string
  readonly from?: string
  readonly to?: string
  readonly limit: number
  readonly oldest?: true
  readonly fresh?: true
}

type Kept = z.infer<typeof keptPageSchema>['items'][number]

const WHEN = 'a time (2026-07-01T12:00:00Z), or how long ago (30m, 1h, 7d)'

export function historyCommand(): Command {
  return new Command('history')
    .description('show messages of a device that were kept, the newest first')
    .argument('<device>', "the device's client id", clientId)
    .option('--topic <filter>', 'a filter below devices/<id>/, or a whole one', '#')
    .option('--from <when>', `not before ${WHEN}`, instant)
    .option('--to <when>', `before ${WHEN}`, instant)
    .option('--limit <n>', 'at most so many', whole('1 to 100000', 1, 100_000), 20)
    .option('--oldest', 'the oldest first')
    .option('--fresh', 'wait for what the home has kept a moment ago')
    .action(async (device: ClientId, options: HistoryOptions, command: Command) => {
      const place = await placeOf(command)
      const out = outputOf(command)
      const items = await fetched(edgeOf(place).http, await adminToken(place), device, options)
      out.answer(items, () =>
        items.length === 0
          ? `nothing is kept of ${device} there`
          : out.table(
              ['time', 'topic', 'QoS', 'publisher', 'payload'],
              items.map(({ at, topic, qos, publisher, text, base64 }) => [
                at,
                topic,
                String(qos),
                publisher ?? '',
                text ?? `base64 ${base64 ?? ''}`,
              ]),
            ),
      )
    })
}

async function fetched(
  base: string,
  token: string,
  device: ClientId,
  { topic, from, to, limit, oldest, fresh }: HistoryOptions,
): Promise<Kept[]> {
  const items: Kept[] = []
  for (let cursor: string | undefined; items.length < limit; ) {
    const query = {
      topic,
      from,
      to,
      order: oldest ? 'oldest' : 'newest',
      fresh: fresh ? 'true' : undefined,
      limit: Math.min(PAGE_LIMIT_MAX, limit - items.length),
      cursor,
    }
    const { body } = await ask(keptPageSchema, base, token, ['v1', 'devices', device, 'history'], { query })
    items.push(...body.items)
    if (body.next === null) break
    cursor = body.next
  }
  return items
}

function instant(text: string): string {
  if (!INSTANT.test(text)) throw new InvalidArgumentError(WHEN)
  return text
}
