// `starling presence <client>`: the last event of a client, asked of a region of the local run.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Command } from 'commander'
import { DEFAULT_FLEET } from '../id/ids.ts'
import { presenceEventSchema } from '../relay/presence.ts'
import { problemSchema } from '../relay/problem.ts'
import { DEFAULT_DIR, localSchema } from './local.ts'

interface PresenceOptions {
  readonly dir: string
  readonly fleet: string
  readonly region?: string
  readonly json?: true
}

export function presenceCommand(): Command {
  return new Command('presence')
    .description('say whether a client is connected, and since when')
    .argument('<client>', 'the client id')
    .option('--dir <folder>', 'the local run', DEFAULT_DIR)
    .option('--fleet <fleet>', 'the fleet', DEFAULT_FLEET)
    .option('--region <region>', 'the region to ask; any knows, the first by default')
    .option('--json', 'print the event')
    .action(presence)
}

async function presence(client: string, { dir, fleet, region, json }: PresenceOptions): Promise<void> {
  const text = await readFile(path.join(dir, 'local.json'), 'utf8').catch((cause) => {
    throw new Error(`nothing runs in ${dir}`, { cause })
  })
  const { adminToken, regions } = localSchema.parse(JSON.parse(text))
  const http = region === undefined ? Object.values(regions)[0]?.http : regions[region]?.http
  if (http === undefined) throw new Error(`no region ${region ?? ''} runs in ${dir}`)
  const names = [fleet, client].map(encodeURIComponent)
  const response = await fetch(`${http}/v1/fleets/${names[0]}/clients/${names[1]}/presence`, {
    headers: { authorization: `Bearer ${adminToken}` },
  })
  const body: unknown = await response.json()
  if (!response.ok) {
    const { title, detail } = problemSchema.parse(body)
    throw new Error(detail === undefined ? title : `${title} (${detail})`)
  }
  const event = presenceEventSchema.parse(body)
  const { state, at, epoch, sequence, reason } = event
  const why = reason === undefined ? '' : `, MQTT reason 0x${reason.toString(16).padStart(2, '0')}`
  process.stdout.write(
    json
      ? `${JSON.stringify(event, null, 2)}\n`
      : `${client} ${state} in ${event.region} since ${at} (event ${sequence}, epoch ${epoch}${why})\n`,
  )
}
