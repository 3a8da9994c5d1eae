// `starling claim-token …`: tokens by which devices register themselves.
import { Command } from 'commander'
import { z } from 'zod'
import { pageSchema } from '../api/paging.ts'
import { claimTokenSchema } from '../api/provisioning.ts'
import { duration, whole } from './arguments.ts'
import { askRegistry, described, describing } from './device.ts'
import { outputOf } from './output.ts'

export function claimTokenCommand(): Command {
  const command = new Command('claim-token').description('tokens by which devices register themselves')
  for (const one of [create(), list(), revoke()]) command.addCommand(one)
  return command
}

interface CreateOptions {
  readonly description: string
  readonly uses?: number
  readonly expires?: number
  readonly type?: string
  readonly attribute: Record<string, string>
  readonly group: string[]
}

function create(): Command {
  const command = new Command('create')
    .description('make a claim token, and print it: it is shown once')
    .option('--description <text>', 'what it is for', '')
    .option(
      '--uses <n>',
      'how many devices it may register; any number without it',
      whole('1 to 1000000000', 1, 1e9),
    )
    .option('--expires <duration>', 'when it ends, such as 7d', duration)
  return describing(command).action(async (options: CreateOptions, own: Command) => {
    const { description, uses, expires } = options
    const body = {
      description,
      ...described(options),
      ...(uses !== undefined && { uses }),
      ...(expires !== undefined && { expiresInSeconds: Math.max(1, Math.round(expires / 1000)) }),
    }
    const schema = claimTokenSchema.extend({ token: z.string() })
    const made = await askRegistry(own, schema, ['claim-tokens'], { method: 'POST', body })
    outputOf(own).answer(made, () => made.token)
  })
}

function list(): Command {
  return new Command('list')
    .description("the fleet's claim tokens")
    .action(async (_options, command: Command) => {
      const tokens: z.infer<typeof claimTokenSchema>[] = []
      let cursor: string | undefined
      do {
        const page = await askRegistry(command, pageSchema(claimTokenSchema), ['claim-tokens'], {
          query: { cursor },
        })
        tokens.push(...page.items)
        cursor = page.next ?? undefined
      } while (cursor !== undefined)
      const out = outputOf(command)
      out.answer(tokens, () =>
        out.table(
          ['token', 'state', 'uses left', 'expires', 'description'],
          tokens.map(({ id, revoked, usesLeft, expiresAt, description }) => [
            id,
            revoked ? out.colors.red('revoked') : 'good',
            usesLeft === null ? 'any' : `${usesLeft}`,
            expiresAt ?? '-',
            description,
          ]),
        ),
      )
    })
}

function revoke(): Command {
  return new Command('revoke')
    .description('revoke a claim token; the devices that it has registered stay')
    .argument('<token>', 'its id, or the token itself')
    .action(async (text: string, _options: unknown, command: Command) => {
      const id = text.split('_')[1] ?? text
      await askRegistry(command, z.unknown(), ['claim-tokens', id], { method: 'DELETE' })
      outputOf(command).answer({ id, revoked: true }, () => `${id} revoked`)
    })
}
