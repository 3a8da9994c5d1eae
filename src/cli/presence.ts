// `starling presence <client>`: the last event of a client, asked of any region.
import { Command } from 'commander'
import type { ClientId } from '../id/ids.ts'
import { presenceEventSchema } from '../relay/presence.ts'
import { clientId } from './arguments.ts'
import { ask } from './ask.ts'
import { outputOf } from './output.ts'
import { adminToken, edgeOf, placeOf } from './place.ts'
import { reasonText } from './reasons.ts'

export function presenceCommand(): Command {
  return new Command('presence')
    .description('say whether a client is connected, and since when')
    .argument('<client>', 'the client id', clientId)
    .addHelpText(
      'after',
      `
Any region knows. To watch each change: starling sub 'presence/+'

Examples:
  starling presence lamp
  starling presence lamp --json | jq -r .state`,
    )
    .action(async (client: ClientId, _options: unknown, command: Command) => {
      const place = await placeOf(command)
      const out = outputOf(command)
      const path = ['v1', 'fleets', place.fleet, 'clients', client, 'presence']
      const { body: event } = await ask(
        presenceEventSchema,
        edgeOf(place).http,
        await adminToken(place),
        path,
      )
      out.answer(event, () => {
        const { state, region, at, sequence, epoch, reason } = event
        const why = reason === undefined ? '' : `, ${reasonText(reason)}`
        const paint = state === 'connected' ? out.colors.green : out.colors.yellow
        return `${client} ${paint(state)} in ${region} since ${at} (event ${sequence}, epoch ${epoch}${why})`
      })
    })
}
