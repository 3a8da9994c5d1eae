#!/usr/bin/env node
// The `starling` command: runs the command that its arguments name, and turns errors into a message and an exit code.
import { CommanderError } from 'commander'
import { Exit, Failure } from './exit.ts'
import { starlingProgram } from './program.ts'

// `starling sub … | head -1`: a closed pipe is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.stdout.destroy()
})

try {
  await starlingProgram().parseAsync()
} catch (error) {
  const code = reported(error)
  // Flush stdout first.
  if (process.stdout.destroyed) process.exit(code)
  process.stdout.write('', () => process.exit(code))
}

function reported(error: unknown): number {
  // Commander prints errors of arguments itself; print all others here.
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.Fine : Exit.Usage
  process.stderr.write(`starling: ${error instanceof Error ? error.message : String(error)}\n`)
  return error instanceof Failure ? error.exit : Exit.Failed
}
