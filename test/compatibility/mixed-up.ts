// `starling up` of today's code with one part of the previous release: the core, or the edge. COMPATIBILITY says which.
import { Command } from 'commander'
import { addEverywhere } from '../../src/cli/global-options.ts'
import { upCommand } from '../../src/cli/up.ts'
import { mixedParts } from './parts.ts'
import { chosenMake } from './release.ts'

const program = new Command('starling')
addEverywhere(program)
await program.addCommand(upCommand(mixedParts(chosenMake()))).parseAsync()
