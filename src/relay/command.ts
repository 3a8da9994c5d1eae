// Commands between edge and core: a call of a device as its home is asked for it, and what became of it.
import { z } from 'zod'
import { isCommandId, isCommandName } from '../id/command-topic.ts'
import { movedSchema } from './home-answer.ts'
import { base64Schema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'
import { presenceEventSchema } from './presence.ts'

/** A home answers a call after so long at the latest; who still waits asks again, so that no call is held for long. */
export const COMMAND_HOLD_MS_MAX = 10_000
/** How long a command may wait for its device. */
export const COMMAND_TIMEOUT_MS_MAX = 7 * 24 * 3_600_000
/** Of a command's payload, and of an answer's with its properties. */
export const COMMAND_BYTES_MAX = 128 * 1024

export const commandIdSchema = z.string().refine(isCommandId, 'not the id of a command')
export const commandNameSchema = z.string().refine(isCommandName, 'not the name of a command')
const holdSchema = z.int().min(0).max(COMMAND_HOLD_MS_MAX)

export const commandCallSchema = z.object({
  ask: z.literal('call'),
  /** The same for each time that the same call is asked for. */
  id: commandIdSchema,
  name: commandNameSchema,
  payload: base64Schema,
  contentType: z.string().max(256).nullable(),
  timeoutMs: z.int().min(1).max(COMMAND_TIMEOUT_MS_MAX),
  /** What to do where the device is not connected. */
  whenOffline: z.enum(['fail', 'wait']),
  /** It is to outlive the actor's memory: it has an idempotency key, or nobody may be waiting for the answer. */
  kept: z.boolean(),
  /** Of what the device is asked: another one under the same id is another call. */
  fingerprint: z.string().min(1).max(64),
  /** Since when this call has been asked for by the same caller; 0 at the first time. */
  askedForMs: z.int().min(0),
  holdMs: holdSchema,
})
export type CommandCall = z.infer<typeof commandCallSchema>

export const commandAskedSchema = z.discriminatedUnion('ask', [
  commandCallSchema,
  /** What became of it. */
  z.object({ ask: z.literal('look'), id: commandIdSchema, holdMs: holdSchema }),
])
export type CommandAsked = z.infer<typeof commandAskedSchema>

export const deviceAnswerSchema = z.object({
  /** 100 to 599, as in HTTP; null for an answer that cannot be understood. */
  status: z.int().min(100).max(599).nullable(),
  payload: base64Schema,
  contentType: z.string().nullable(),
  userProperties: z.array(z.tuple([z.string(), z.string()])),
  /** By the home's clock, as all times here. */
  at: z.number(),
})
export type DeviceAnswer = z.infer<typeof deviceAnswerSchema>

export const commandRowSchema = z.object({
  id: commandIdSchema,
  name: commandNameSchema,
  fingerprint: z.string().min(1).max(64),
  acceptedAt: z.number(),
  expiresAt: z.number(),
  /** The first one. */
  answer: deviceAnswerSchema.nullable(),
})
export type CommandRow = z.infer<typeof commandRowSchema>

export const commandOutcomeSchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('answered'), command: commandRowSchema }),
  /** No answer yet. */
  z.object({ state: z.literal('open'), command: commandRowSchema }),
  /** No answer in time; one that comes late is kept. */
  z.object({ state: z.literal('expired'), command: commandRowSchema }),
  /**
   * The device was not called: it is away, has no session that a command could wait in, or does not listen to commands.
   * With its last presence event, if there is one.
   */
  z.object({
    state: z.literal('offline'),
    why: z.enum(['away', 'no-session', 'deaf']),
    presence: presenceEventSchema.nullable(),
  }),
  /** Another call had the same id. */
  z.object({ state: z.literal('mismatch') }),
  /** Too many are open. */
  z.object({ state: z.literal('busy') }),
  /** The device's queue did not take it: an MQTT reason code. */
  z.object({ state: z.literal('refused'), reason: z.int().min(0x80).max(0xff) }),
  /** It was asked for before, and whether the device was called then is not known any more. */
  z.object({ state: z.literal('lost') }),
  z.object({ state: z.literal('unknown') }),
])
export type CommandOutcome = z.infer<typeof commandOutcomeSchema>

/** Edge to core, `POST …/command`: the home is not here. */
export const commandRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
  asked: commandAskedSchema,
})
export type CommandRequest = z.infer<typeof commandRequestSchema>

/** Core to the home, `POST …/<region>/command`. */
export const homeCommandRequestSchema = commandRequestSchema
  .omit({ region: true })
  .extend({ epoch: epochSchema })
export type HomeCommandRequest = z.infer<typeof homeCommandRequestSchema>

const doneSchema = z.object({ status: z.literal('done'), outcome: commandOutcomeSchema })

export const homeCommandResponseSchema = z.discriminatedUnion('status', [doneSchema, movedSchema])
export type HomeCommandResponse = z.infer<typeof homeCommandResponseSchema>

export const commandResponseSchema = z.discriminatedUnion('status', [
  doneSchema,
  z.object({ status: z.literal('unreachable'), region: regionSchema }),
  /** The device was never there, and is not made by being called. */
  z.object({ status: z.literal('unknown') }),
])
export type CommandResponse = z.infer<typeof commandResponseSchema>
