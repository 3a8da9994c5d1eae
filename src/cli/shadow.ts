// `starling shadow get|set|delete|watch <device>`: a device's shadows, over HTTP; watched over MQTT.
import { Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import type { ClientId } from '../id/ids.ts'
import { namedShadow } from '../id/shadow-topic.ts'
import { clientId, whole } from './arguments.ts'
import { askShadow } from './ask-shadow.ts'
import { Exit, Failure } from './exit.ts'
import { outputOf } from './output.ts'
import { readBytes } from './payload.ts'
import { placeOf } from './place.ts'
import { patchOf, patchOfJson } from './shadow-changes.ts'
import { shadowDocumentSchema, shadowTable, titleOf } from './shadow-document.ts'
import { shadowWatchCommand } from './shadow-watch.ts'

const VERSION_MAX = 999_999_999_999_999

interface NameOption {
  readonly name?: string
}

interface SetOptions extends NameOption {
  readonly reported?: true
  readonly ifMatch?: number
  readonly jsonFile?: string
}

export function shadowCommand(): Command {
  return new Command('shadow')
    .description("a device's state: what is desired, what it has reported")
    .addCommand(getCommand())
    .addCommand(setCommand())
    .addCommand(deleteCommand())
    .addCommand(withShadow(shadowWatchCommand()))
}

function getCommand(): Command {
  return withShadow(new Command('get'))
    .description('print the shadow: its attributes, or the document with --json')
    .addHelpText(
      'after',
      '\nExamples:\n  starling shadow get lamp\n  starling shadow get lamp --json | jq .state.delta',
    )
    .action(async (device: ClientId, { name }: NameOption, command: Command) => {
      const place = await placeOf(command)
      const out = outputOf(command)
      const { body } = await askShadow(place, device, name, shadowDocumentSchema)
      out.answer(body, () => shadowTable(titleOf(device, name), body, out))
    })
}

function setCommand(): Command {
  return withShadow(new Command('set'))
    .description('change attributes; the rest of the shadow stays as it is')
    .argument(
      '[change...]',
      'power=on is a text, color.r:=3 is JSON, old:=null removes; dots lead into objects',
    )
    .option('--reported', 'what the device has; without it, what it is to have (desired)')
    .option('--if-match <version>', 'only if this is the version, else exit code 7', version)
    .option('--json-file <file>', 'the changes as a JSON object, merged (RFC 7386); - for stdin')
    .addHelpText(
      'after',
      `
Examples:
  starling shadow set lamp power=on color.r:=3
  starling shadow set lamp desired.power=off reported.power=on --if-match 4
  starling shadow set lamp --reported --json-file state.json`,
    )
    .action(async (device: ClientId, changes: string[], options: SetOptions, command: Command) => {
      const section = options.reported ? 'reported' : 'desired'
      const { jsonFile, ifMatch, name } = options
      if ((jsonFile === undefined) === (changes.length === 0))
        throw new Failure(Exit.Usage, 'changes are wanted, as arguments or with --json-file')
      const state =
        jsonFile === undefined
          ? patchOf(changes, section)
          : patchOfJson((await readBytes(jsonFile)).toString(), section)
      const place = await placeOf(command)
      const out = outputOf(command)
      const { body } = await askShadow(place, device, name, shadowDocumentSchema, {
        method: 'PATCH',
        body: { state },
        headers: matchHeader(ifMatch),
      })
      out.answer(body, () => `${out.colors.bold(titleOf(device, name))} version ${body.version}`)
    })
}

function deleteCommand(): Command {
  return withShadow(new Command('delete'))
    .description('remove the shadow; its versions go on')
    .option('--if-match <version>', 'only if this is the version, else exit code 7', version)
    .action(async (device: ClientId, { name, ifMatch }: SetOptions, command: Command) => {
      const place = await placeOf(command)
      const out = outputOf(command)
      const schema = z.looseObject({ version: z.int() })
      const question = { method: 'DELETE', headers: matchHeader(ifMatch) } as const
      const { body } = await askShadow(place, device, name, schema, question)
      out.answer(body, () => `${titleOf(device, name)} removed, version ${body.version}`)
    })
}

function withShadow(command: Command): Command {
  return command
    .argument('<device>', "the device's client id", clientId)
    .option('--name <name>', 'a named shadow; the classic one without it', shadowNameOf)
}

function matchHeader(version: number | undefined): Record<string, string> {
  return version === undefined ? {} : { 'if-match': `"${version}"` }
}

const version = whole('a version, as get says it', 0, VERSION_MAX)

function shadowNameOf(text: string): string {
  if (namedShadow(text) === null)
    throw new InvalidArgumentError('1 to 64 of the characters A-Z a-z 0-9 : _ - $')
  return text
}
