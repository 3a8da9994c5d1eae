#!/usr/bin/env node
// The `starling` command: runs what its arguments say, and turns what goes wrong into a message and an exit code.
import { CommanderError } from 'commander'
import { Exit, Failure } from './exit.ts'
import { starlingProgram } from './program.ts'

// `starling sub … | head -1`: a reader that has enough is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.stdout.destroy()
})

try {
  await starlingProgram().parseAsync()
} catch (error) {
  const code = told(error)
  // What was printed before goes out first.
  if (process.stdout.destroyed) process.exit(code)
  process.stdout.write('', () => process.exit(code))
}

function told(error: unknown): number {
  // Commander has said what is wrong with the arguments; anything else is said here.
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.Fine : Exit.Usage
  process.stderr.write(`starling: ${error instanceof Error ? error.message : String(error)}\n`)
  return error instanceof Failure ? error.exit : Exit.Failed
}
