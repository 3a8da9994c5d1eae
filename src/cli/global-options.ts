// The options that every command has, before or after its name. No command may have one of the same name.
import { type Command, Option } from 'commander'
import { DEFAULT_FLEET, type FleetId, type RegionId } from '../id/ids.ts'
import { fleetId, regionId } from './arguments.ts'
import { Exit, Failure } from './exit.ts'
import { DEFAULT_DIR } from './local.ts'

export interface Everywhere {
  readonly dir: string
  /** Whether the user named the folder: then it wins over the environment. */
  readonly dirGiven: boolean
  /** A URL, or `eu=<url>,us=<url>`. */
  readonly edge: string | undefined
  readonly core: string | undefined
  readonly token: string | undefined
  readonly region: RegionId | undefined
  readonly fleet: FleetId
  readonly json: boolean
  readonly color: boolean
}

export function addEverywhere(program: Command): void {
  program
    .optionsGroup('Where the system is:')
    .addOption(new Option('--dir <folder>', 'a local run, by its folder').default(DEFAULT_DIR))
    .addOption(
      new Option(
        '--edge <url>',
        'an edge, or several as eu=<url>,us=<url>; then no local run is looked for',
      ).env('STARLING_EDGE'),
    )
    .addOption(new Option('--core <url>', 'the core').env('STARLING_CORE'))
    .addOption(
      new Option('--token <token>', "who asks; a local run's administrator without it").env('STARLING_TOKEN'),
    )
    .addOption(
      new Option('--region <region>', 'the region to ask; the first without it')
        .argParser(regionId)
        .env('STARLING_REGION'),
    )
    .addOption(
      new Option('--fleet <fleet>', 'the fleet')
        .argParser(fleetId)
        .default(DEFAULT_FLEET)
        .env('STARLING_FLEET'),
    )
    .optionsGroup('What is printed:')
    .option('--json', 'one JSON document on stdout, or one a line where things keep coming')
    .option('--no-color', 'no colours; none either with NO_COLOR, or where stdout is no terminal')
    .optionsGroup('Options:')
}

export function everywhere(command: Command): Everywhere {
  const options = command.optsWithGlobals<Partial<Everywhere>>()
  const given = (name: string) => command.getOptionValueSourceWithGlobals(name) === 'cli'
  if (given('dir') && (given('edge') || given('core')))
    throw new Failure(Exit.Usage, 'a local run (--dir), or a system elsewhere (--edge, --core): not both')
  const { dir = DEFAULT_DIR, edge, core, token, region, fleet = DEFAULT_FLEET, json, color } = options
  return {
    dir,
    dirGiven: given('dir'),
    edge,
    core,
    token,
    region,
    fleet,
    json: json === true,
    color: color !== false,
  }
}
