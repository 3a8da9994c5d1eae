// `starling device …`: the devices of a fleet's registry, and their credentials.
import { Command } from 'commander'
import { z } from 'zod'
import { changedDeviceSchema, deviceSchema, shownCredentialSchema } from '../api/devices.ts'
import { pageSchema } from '../api/paging.ts'
import type { ClientId } from '../id/ids.ts'
import { clientId, duration, whole } from './arguments.ts'
import { ask, type Question } from './ask.ts'
import { importCommand } from './device-import.ts'
import { type Output, outputOf } from './output.ts'
import { adminToken, coreOf, placeOf } from './place.ts'

type Device = z.infer<typeof deviceSchema>

const PAGE = 500

export function deviceCommand(): Command {
  const device = new Command('device').description(
    'register devices, and give them secrets or take them away',
  )
  const commands = [create(), list(), show(), rotate(), revoke(), enabling(true), enabling(false), remove()]
  for (const one of [...commands, importCommand()]) device.addCommand(one)
  return device
}

/** Asks the core's registry as an administrator of the fleet. */
export async function askRegistry<S extends z.ZodType>(
  command: Command,
  schema: S,
  path: readonly string[],
  question: Question = {},
): Promise<z.infer<S>> {
  const place = await placeOf(command)
  const { body } = await ask(schema, coreOf(place), await adminToken(place), ['v1', ...path], question)
  return body
}

interface Described {
  readonly type?: string
  readonly attribute: Record<string, string>
  readonly group: string[]
}

/** The options that describe a device, and the devices of a claim token. */
export function describing(command: Command): Command {
  return command
    .option('--type <type>', 'what kind of device it is')
    .option('--attribute <name=value>', 'may be given several times', attribute, {})
    .option(
      '--group <group>',
      'may be given several times',
      (one: string, before: string[]) => [...before, one],
      [],
    )
}

export function described({ type, attribute: attributes, group: groups }: Described) {
  return { ...(type !== undefined && { type }), attributes, groups }
}

function attribute(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  return { ...before, [at < 0 ? text : text.slice(0, at)]: at < 0 ? '' : text.slice(at + 1) }
}

function create(): Command {
  const command = new Command('create')
    .description('register a device; prints its secret, the MQTT password, which is shown once')
    .argument('<device>', 'its id, which is its MQTT client id too', clientId)
    .option('--no-credential', 'it gets none yet')
    .option('--disabled', 'it may not connect yet')
  return describing(command).action(
    async (id: ClientId, options: Described & { credential: boolean; disabled?: true }, own: Command) => {
      const body = {
        id,
        ...described(options),
        credential: options.credential,
        enabled: options.disabled !== true,
      }
      const schema = z.object({ device: deviceSchema, credential: shownCredentialSchema.nullable() })
      const answer = await askRegistry(own, schema, ['devices'], { method: 'POST', body })
      const out = outputOf(own)
      if (answer.credential !== null) out.note(`${id} is registered; its secret is shown once:`)
      out.answer(answer, () => answer.credential?.secret ?? `${id} is registered`)
    },
  )
}

interface Wanted {
  readonly group?: string
  readonly type?: string
  readonly attribute: Record<string, string>
  readonly prefix?: string
  readonly limit: number
}

function list(): Command {
  return new Command('list')
    .description('find devices: all, or those that fit everything that is asked')
    .option('--group <group>', 'in this group')
    .option('--type <type>', 'of this type')
    .option('--attribute <name=value>', 'with this attribute; may be given several times', attribute, {})
    .option('--prefix <text>', 'whose ids begin so')
    .option('--limit <n>', 'at most so many', whole('1 to 1000000', 1, 1_000_000), 1000)
    .action(async (wanted: Wanted, command: Command) => {
      const { group, type, prefix, limit, attribute: attributes } = wanted
      const devices: Device[] = []
      let cursor: string | undefined
      do {
        // The query takes one group; the others filter the answer.
        const [first] = Object.entries(attributes)
        const query = {
          group,
          type,
          prefix,
          cursor,
          limit: Math.min(PAGE, limit - devices.length),
          ...(first !== undefined && { attribute: `${first[0]}:${first[1]}` }),
        }
        const page = await askRegistry(command, pageSchema(deviceSchema), ['devices'], { query })
        devices.push(...page.items.filter((one) => has(one, attributes)))
        cursor = page.next ?? undefined
      } while (cursor !== undefined && devices.length < limit)
      const out = outputOf(command)
      if (cursor !== undefined) out.note(`the first ${devices.length}; --limit gives more`)
      out.answer(devices, () => tableOf(out, devices))
    })
}

function has(device: Device, attributes: Record<string, string>): boolean {
  return Object.entries(attributes).every(([name, value]) => device.attributes[name] === value)
}

function tableOf(out: Output, devices: readonly Device[]): string {
  const rows = devices.map(({ id, type, groups, attributes, enabled, credentials }) => [
    id,
    enabled ? 'enabled' : out.colors.red('disabled'),
    `${credentials.length}`,
    type ?? '-',
    groups.join(',') || '-',
    pairs(attributes),
  ])
  return out.table(['device', 'state', 'credentials', 'type', 'groups', 'attributes'], rows)
}

function pairs(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function show(): Command {
  return new Command('show')
    .description('what the registry has of a device')
    .argument('<device>', 'its id', clientId)
    .action(async (id: ClientId, _options: unknown, command: Command) => {
      const device = await askRegistry(command, deviceSchema, ['devices', id])
      const out = outputOf(command)
      out.answer(device, () => {
        const { type, groups, attributes, enabled, createdAt, credentials, revoked } = device
        return [
          `${id} ${enabled ? out.colors.green('enabled') : out.colors.red('disabled')}, registered ${createdAt}`,
          `type ${type ?? '-'}, groups ${groups.join(',') || '-'}, attributes ${pairs(attributes) || '-'}`,
          ...credentials.map((one) => `credential ${one.id} since ${one.createdAt}${end(one.expiresAt)}`),
          ...revoked.map((one) => `revoked ${one.id} at ${one.revokedAt}`),
        ].join('\n')
      })
    })
}

function end(expiresAt: string | null): string {
  return expiresAt === null ? '' : `, until ${expiresAt}`
}

function rotate(): Command {
  return new Command('rotate')
    .description('give a device another secret, and print it; the others stay good until they are revoked')
    .argument('<device>', 'its id', clientId)
    .option('--grace <duration>', 'end the others after this, such as 1h', duration)
    .option('--expires <duration>', 'when the new one ends, such as 90d', duration)
    .action(
      async (id: ClientId, { grace, expires }: { grace?: number; expires?: number }, command: Command) => {
        const seconds = (ms: number) => Math.max(1, Math.round(ms / 1000))
        const body = {
          ...(grace !== undefined && { graceSeconds: seconds(grace) }),
          ...(expires !== undefined && { expiresInSeconds: seconds(expires) }),
        }
        const schema = changedDeviceSchema.extend({ credential: shownCredentialSchema })
        const answer = await askRegistry(command, schema, ['devices', id, 'credentials'], {
          method: 'POST',
          body,
        })
        const out = outputOf(command)
        notePending(out, answer)
        out.answer(answer, () => answer.credential.secret)
      },
    )
}

function revoke(): Command {
  return new Command('revoke')
    .description('revoke a credential of a device, or all: where it is connected by one, it is disconnected')
    .argument('<device>', 'its id', clientId)
    .argument('[credential]', "the credential's id; all without it")
    .action(async (id: ClientId, credential: string | undefined, _options: unknown, command: Command) => {
      const path = ['devices', id, ...(credential === undefined ? ['revoke'] : ['credentials', credential])]
      const method = credential === undefined ? 'POST' : 'DELETE'
      const answer = await askRegistry(command, changedDeviceSchema, path, { method })
      const out = outputOf(command)
      notePending(out, answer)
      const left = answer.device.credentials.length
      out.answer(answer, () => `${credential ?? 'all'} revoked; ${id} has ${left} left`)
    })
}

function enabling(enabled: boolean): Command {
  return new Command(enabled ? 'enable' : 'disable')
    .description(
      enabled
        ? 'let a device connect again'
        : 'disconnect a device, and refuse it, with a token too, until it is enabled',
    )
    .argument('<device>', 'its id', clientId)
    .action(async (id: ClientId, _options: unknown, command: Command) => {
      const question = { method: 'PATCH', body: { enabled } } as const
      const answer = await askRegistry(command, changedDeviceSchema, ['devices', id], question)
      const out = outputOf(command)
      notePending(out, answer)
      out.answer(answer, () => `${id} ${enabled ? 'enabled' : 'disabled'}`)
    })
}

function remove(): Command {
  return new Command('remove')
    .description('take a device out of the registry; its shadows stay')
    .argument('<device>', 'its id', clientId)
    .action(async (id: ClientId, _options: unknown, command: Command) => {
      const schema = changedDeviceSchema.pick({ pending: true })
      const answer = await askRegistry(command, schema, ['devices', id], { method: 'DELETE' })
      const out = outputOf(command)
      notePending(out, answer)
      out.answer(answer, () => `${id} removed`)
    })
}

function notePending(out: Output, { pending }: { readonly pending: readonly string[] }): void {
  if (pending.length > 0)
    out.note(`not yet known in ${pending.join(', ')}, which learns of it when it is reached`)
}
