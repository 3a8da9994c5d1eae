// `starling session …` and `starling kick`: what a client's home keeps, for administrators.
import { Command } from 'commander'
import { z } from 'zod'
import { purgedSchema, sessionSchema } from '../api/session.ts'
import type { ClientId } from '../id/ids.ts'
import { clientId } from './arguments.ts'
import { ask, type Question } from './ask.ts'
import { outputOf } from './output.ts'
import { adminToken, edgeOf, placeOf } from './place.ts'

export function sessionCommand(): Command {
  const session = new Command('session').description('show, empty or end the session of a client')
  for (const one of [show(), purge(), end()]) session.addCommand(one)
  return session
}

export function kickCommand(): Command {
  return of('kick', 'close the connection of a client; its session waits for it').action(
    async (client: ClientId, _options: unknown, command: Command) => {
      await askSession(command, client, z.unknown(), ['connection'], { method: 'DELETE' })
      outputOf(command).answer({ client, connected: false }, () => `${client} has no connection any more`)
    },
  )
}

function show(): Command {
  return of('show', 'show subscriptions and queue of a client’s session').action(
    async (client: ClientId, _options: unknown, command: Command) => {
      const session = await askSession(command, client, sessionSchema, ['session'])
      outputOf(command).answer(session, () => {
        const { region, connected, expiresAt, queue, subscriptions } = session
        const state = connected ? 'connected' : `away, expires ${expiresAt}`
        const dropped = queue.dropped === 0 ? '' : `, ${queue.dropped} dropped`
        return [
          `${client} in ${region}: ${state}`,
          `queue: ${queue.messages} messages, ${queue.bytes} bytes, ${queue.inFlight} in flight${dropped}`,
          ...subscriptions.map(({ filter, qos }) => `subscribed: ${filter} (QoS ${qos})`),
        ].join('\n')
      })
    },
  )
}

function purge(): Command {
  return of('purge', 'drop the messages that wait for a client').action(
    async (client: ClientId, _options: unknown, command: Command) => {
      const question = { method: 'DELETE' } as const
      const { purged } = await askSession(command, client, purgedSchema, ['session', 'queue'], question)
      outputOf(command).answer({ client, purged }, () => `${purged} messages for ${client} were dropped`)
    },
  )
}

function end(): Command {
  return of('end', 'end the session of a client, and its connection').action(
    async (client: ClientId, _options: unknown, command: Command) => {
      await askSession(command, client, z.unknown(), ['session'], { method: 'DELETE' })
      outputOf(command).answer({ client, session: null }, () => `the session of ${client} has ended`)
    },
  )
}

function of(name: string, what: string): Command {
  return new Command(name)
    .description(what)
    .argument('<client>', 'the client id', clientId)
    .addHelpText('after', '\nAny region may be asked: the client’s home answers.')
}

async function askSession<S extends z.ZodType>(
  command: Command,
  client: ClientId,
  schema: S,
  path: readonly string[],
  question: Question = {},
): Promise<z.infer<S>> {
  const place = await placeOf(command)
  const whole = ['v1', 'fleets', place.fleet, 'clients', client, ...path]
  const { body } = await ask(schema, edgeOf(place).http, await adminToken(place), whole, question)
  return body
}
