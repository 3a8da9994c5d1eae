// `starling explain <device> <topic>`: why a client did or did not get a message, asked of any region.
import { Command } from 'commander'
import { type Explanation, explanationSchema } from '../api/explain.ts'
import type { ClientId } from '../id/ids.ts'
import { clientId, topicName } from './arguments.ts'
import { ask } from './ask.ts'
import { type Output, outputOf } from './output.ts'
import { adminToken, edgeOf, placeOf } from './place.ts'

interface ExplainOptions {
  readonly publisher?: ClientId
  readonly trace?: string
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('say why a client did or did not get a message')
    .argument('<device>', 'the client that should get it', clientId)
    .argument('<topic>', 'what it was published to', topicName)
    .option('--publisher <client>', 'only messages of this client', clientId)
    .option('--trace <id>', 'only the message with this user property `trace`')
    .action(async (device: ClientId, topic: string, options: ExplainOptions, command: Command) => {
      const place = await placeOf(command)
      const out = outputOf(command)
      const { body } = await ask(
        explanationSchema,
        edgeOf(place).http,
        await adminToken(place),
        ['v1', 'explain'],
        { query: { device, topic, ...options } },
      )
      out.answer(body, () => textOf(body, out))
    })
}

function textOf({ verdict, cause, sentence, steps, tookMs }: Explanation, out: Output): string {
  const paint = verdict === 'delivered' ? out.colors.green : out.colors.yellow
  const rows = steps.map((step) => [
    step.region ?? '',
    step.part,
    `${step.tookMs} ms`,
    step.problem === null ? step.said : out.colors.red(step.problem),
  ])
  const table = out.table(['region', 'part', 'took', 'said'], rows)
  return `${paint(verdict)} (${cause}): ${sentence}\n\n${table}\n\nasked all in ${tookMs} ms`
}
