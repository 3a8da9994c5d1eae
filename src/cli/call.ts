// `starling call <device> <name> [payload]`: calls a device and prints its answer.
import { Command } from 'commander'
import {
  CALL_TIMEOUT_MS_DEFAULT,
  CALL_WAIT_MS_MAX,
  type CommandStatus,
  commandSchema,
} from '../api/command.ts'
import type { ClientId } from '../id/ids.ts'
import { clientId, duration } from './arguments.ts'
import { type Answer, ask } from './ask.ts'
import { Exit, Failure } from './exit.ts'
import { outputOf } from './output.ts'
import { adminToken, edgeOf, placeOf } from './place.ts'

/** How long beyond the device's timeout the edge looks for a home that is unreachable. */
const BEYOND_MS = 30_000

interface CallOptions {
  readonly timeout: number
  readonly wait?: true
  readonly async?: true
  readonly key?: string
}

export function callCommand(): Command {
  return new Command('call')
    .description('call a device, in whatever region, and print its answer')
    .argument('<device>', 'the client id of the device', clientId)
    .argument('<name>', 'what it is to do: it gets devices/<device>/commands/<name>/<id>')
    .argument('[payload]', 'JSON, or else text')
    .option('--timeout <time>', 'how long the device has', duration, CALL_TIMEOUT_MS_DEFAULT)
    .option('--wait', 'a device that is away gets it when it comes back in time')
    .option('--async', 'do not wait for the answer: print the id')
    .option('--key <key>', 'idempotency key: what is called again with it is not carried out again')
    .action(
      async (
        device: ClientId,
        name: string,
        payload: string | undefined,
        options: CallOptions,
        command: Command,
      ) => {
        const place = await placeOf(command)
        const out = outputOf(command)
        const { timeout, wait, key } = options
        const { body } = await orOffline(
          ask(
            commandSchema,
            edgeOf(place).http,
            await adminToken(place),
            ['v1', 'devices', device, 'commands'],
            {
              method: 'POST',
              body: {
                name,
                ...payloadOf(payload),
                timeoutMs: timeout,
                whenOffline: wait === true ? 'wait' : 'fail',
              },
              headers: {
                ...(options.async && { prefer: 'respond-async' }),
                ...(key !== undefined && { 'idempotency-key': key }),
              },
              timeoutMs: Math.min(timeout, CALL_WAIT_MS_MAX) + BEYOND_MS,
            },
          ),
        )
        out.answer(body, () => textOf(body))
        if (body.state === 'open' && options.async === undefined) out.note('no answer yet')
      },
    )
}

/** HTTP has one status for an absent device and for a conflict of versions; the exit codes differ. */
async function orOffline(asked: Promise<Answer<CommandStatus>>): Promise<Answer<CommandStatus>> {
  try {
    return await asked
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.exit !== Exit.Conflict) throw cause
    throw new Failure(Exit.Unreachable, cause.message, { cause })
  }
}

function payloadOf(text: string | undefined): { json?: unknown; text?: string } {
  if (text === undefined) return {}
  try {
    return { json: JSON.parse(text) as unknown }
  } catch {
    return { text }
  }
}

function textOf({ id, answer }: CommandStatus): string {
  if (answer === undefined) return id
  if (answer.json !== undefined) return JSON.stringify(answer.json)
  return answer.text ?? answer.base64 ?? ''
}
