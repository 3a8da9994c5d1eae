// The command with all its commands. A new one is a file of its own, stands in COMMANDS, and has an example in docs/cli.md.
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { answerCommand } from './answer.ts'
import { callCommand } from './call.ts'
import { claimTokenCommand } from './claim-token.ts'
import { deviceCommand } from './device.ts'
import { explainCommand } from './explain.ts'
import { addEverywhere } from './global-options.ts'
import { historyCommand } from './history.ts'
import { presenceCommand } from './presence.ts'
import { pubCommand } from './pub.ts'
import { kickCommand, sessionCommand } from './session.ts'
import { shadowCommand } from './shadow.ts'
import { statusCommand } from './status.ts'
import { subCommand } from './sub.ts'
import { tokenCommand } from './token.ts'
import { upCommand } from './up.ts'

const COMMANDS: readonly (() => Command)[] = [
  upCommand,
  statusCommand,
  tokenCommand,
  pubCommand,
  subCommand,
  shadowCommand,
  callCommand,
  answerCommand,
  presenceCommand,
  sessionCommand,
  kickCommand,
  explainCommand,
  historyCommand,
  deviceCommand,
  claimTokenCommand,
]

const MORE = `
Examples:
  starling sub 'devices/+/telemetry' --json
  starling pub devices/lamp/cmd/power on
  starling shadow set lamp power=on && starling shadow get lamp
  starling status --edge eu=https://eu.example.com,us=https://us.example.com --core https://core.example.com

Exit codes: 0 fine, 1 refused or failed, 2 wrong usage, 3 not found, 4 not authorised, 5 unreachable, 6 too late,
7 a conflict of versions.`

export function starlingProgram(): Command {
  const program = new Command('starling')
    .description('IoT messaging and device state: an actor for each client, at the edge')
    .version(version(), '-V, --version')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(--help says more)')
    .exitOverride()
    .addHelpText('after', MORE)
  addEverywhere(program)
  for (const make of COMMANDS) program.addCommand(adopted(make(), program))
  return program
}

/** Commander lets only commands inherit that it made itself. */
function adopted(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent)
  for (const below of command.commands) adopted(below, command)
  return command
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}
