#!/usr/bin/env node
// The `starling` command.
import { Command, CommanderError } from 'commander'
import { presenceCommand } from './presence.ts'
import { tokenCommand } from './token.ts'
import { upCommand } from './up.ts'

const program = new Command('starling')
  .description('IoT messaging and device state: an actor for each client, at the edge')
  .showHelpAfterError()
  .exitOverride()
  .addCommand(upCommand())
  .addCommand(tokenCommand())
  .addCommand(presenceCommand())

try {
  await program.parseAsync()
} catch (error) {
  // Commander has said what is wrong with the arguments; anything else is said here.
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`starling: ${error instanceof Error ? error.message : String(error)}\n`)
  }
  process.exit(error instanceof CommanderError ? error.exitCode : 1)
}
