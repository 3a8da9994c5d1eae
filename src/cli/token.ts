// `starling token <clientId…>`: tokens that any MQTT client can give as its password.
import { Command, InvalidArgumentError, Option } from 'commander'
import { signClientToken } from '../id/client-token.ts'
import type { ClientId } from '../id/ids.ts'
import { clientId } from './arguments.ts'
import { everywhere } from './global-options.ts'
import { outputOf } from './output.ts'
import { secretOf } from './place.ts'

const DAY_SECONDS = 24 * 3600
const DAYS_MAX = 3650

interface TokenOptions {
  readonly days: number
  readonly durability: 'local' | 'global'
  readonly admin?: true
}

export function tokenCommand(): Command {
  return new Command('token')
    .description('print a token for each client id; its subject is the client id, the MQTT user name is free')
    .argument('<clientId...>', 'whose tokens', (text: string, before: ClientId[] = []) => [
      ...before,
      clientId(text),
    ])
    .option('--days <n>', 'how long the tokens are good', days, 30)
    .addOption(
      new Option(
        '--durability <where>',
        'when what they publish is acknowledged: durable in its region, or beyond it',
      )
        .choices(['local', 'global'])
        .default('local'),
    )
    .option('--admin', 'tokens that may administrate the fleet')
    .addHelpText(
      'after',
      `
They are signed with the local run's secret or, for a system elsewhere, with CLIENT_TOKEN_SECRET of the environment.

Examples:
  starling token lamp
  starling token lamp phone --days 1 --json
  export STARLING_TOKEN=$(starling token me --admin)`,
    )
    .action(async (clients: ClientId[], options: TokenOptions, command: Command) => {
      const { fleet } = everywhere(command)
      const secret = await secretOf(command)
      const durability = options.durability === 'global' ? { durability: options.durability } : {}
      const tokens = await Promise.all(
        clients.map((client) =>
          signClientToken(
            { client, fleet, admin: options.admin === true, ...durability },
            secret,
            options.days * DAY_SECONDS,
          ),
        ),
      )
      outputOf(command).answer(Object.fromEntries(clients.map((client, i) => [client, tokens[i]])), () =>
        tokens.join('\n'),
      )
    })
}

function days(text: string): number {
  const n = Number(text)
  if (!(n > 0 && n <= DAYS_MAX)) throw new InvalidArgumentError(`above 0, at most ${DAYS_MAX}`)
  return n
}
