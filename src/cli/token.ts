// `starling token <clientId…>`: tokens that any MQTT client can give as its password.
import { Command, InvalidArgumentError, Option } from 'commander'
import { signClientToken } from '../id/client-token.ts'
import { type ClientId, DEFAULT_FLEET, parseClientId, parseFleetId } from '../id/ids.ts'
import { DEFAULT_DIR, readSecrets } from './local.ts'

const DAY_SECONDS = 24 * 3600

interface TokenOptions {
  readonly dir: string
  readonly fleet: string
  readonly days: number
  readonly durability: 'local' | 'global'
  readonly json?: true
}

export function tokenCommand(): Command {
  return new Command('token')
    .description('print a token for each client id; its subject is the client id, the MQTT user name is free')
    .argument('<clientId...>', 'whose tokens', (text: string, before: ClientId[] = []) => [
      ...before,
      clientId(text),
    ])
    .option('--dir <folder>', 'the local run', DEFAULT_DIR)
    .option('--fleet <fleet>', 'the fleet', DEFAULT_FLEET)
    .option('--days <n>', 'how long the tokens are good', days, 30)
    .addOption(
      new Option(
        '--durability <where>',
        'when what they publish is acknowledged: durable in its region, or beyond it',
      )
        .choices(['local', 'global'])
        .default('local'),
    )
    .option('--json', 'print an object: client id to token')
    .action(async (clients: ClientId[], options: TokenOptions) => {
      const fleet = parseFleetId(options.fleet)
      if (fleet === null) throw new Error(`not a fleet: ${options.fleet}`)
      const durability = options.durability === 'global' ? { durability: options.durability } : {}
      const { clientTokenSecret } = await readSecrets(options.dir)
      const tokens = await Promise.all(
        clients.map((client) =>
          signClientToken(
            { client, fleet, admin: false, ...durability },
            clientTokenSecret,
            options.days * DAY_SECONDS,
          ),
        ),
      )
      const text = options.json
        ? JSON.stringify(Object.fromEntries(clients.map((client, i) => [client, tokens[i]])), null, 2)
        : tokens.join('\n')
      process.stdout.write(`${text}\n`)
    })
}

function clientId(text: string): ClientId {
  const client = parseClientId(text)
  if (client === null) throw new InvalidArgumentError('1 to 128 bytes, without / + # and control characters')
  return client
}

const DAYS_MAX = 3650

function days(text: string): number {
  const n = Number(text)
  if (!(n > 0 && n <= DAYS_MAX)) throw new InvalidArgumentError(`above 0, at most ${DAYS_MAX}`)
  return n
}
