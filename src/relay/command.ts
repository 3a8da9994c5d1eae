// Commands between edge and core: the call of a device on its way to the device's home, and the call's outcome.
import { z } from 'zod'
import { isCommandId, isCommandName } from '../id/command-topic.ts'
import { CLIENT_ID_BYTES_MAX } from '../id/ids.ts'
import { movedSchema } from './home-answer.ts'
import { base64Schema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'
import { presenceEventSchema } from './presence.ts'

/** A home answers a call within this time. A caller that still waits asks again, so that no HTTP call stays open for long. */
export const COMMAND_HOLD_MS_MAX = 10_000
/** A command waits at most this long for its device. */
export const COMMAND_TIMEOUT_MS_MAX = 7 * 24 * 3_600_000
/** The size of a command's payload, of an answer's payload, and of an answer's properties. */
export const COMMAND_BYTES_MAX = 128 * 1024

export const commandIdSchema = z.string().refine(isCommandId, 'not the id of a command')
export const commandNameSchema = z.string().refine(isCommandName, 'not the name of a command')
const callerSchema = z.string().max(CLIENT_ID_BYTES_MAX)
const holdSchema = z.int().min(0).max(COMMAND_HOLD_MS_MAX)

export const commandCallSchema = z.object({
  ask: z.literal('call'),
  /** A repetition of the call has the same id. */
  id: commandIdSchema,
  name: commandNameSchema,
  payload: base64Schema,
  contentType: z.string().max(256).nullable(),
  timeoutMs: z.int().min(1).max(COMMAND_TIMEOUT_MS_MAX),
  /** If the device is not connected: fail at once, or wait in its queue. */
  whenOffline: z.enum(['fail', 'wait']),
  /** True: store the command. It has an idempotency key, or no caller waits for the answer. */
  kept: z.boolean(),
  /** A hash of the call's content. The same id with another fingerprint is a mismatch. */
  fingerprint: z.string().min(1).max(64),
  /** The client that calls: each has a share of a device's open commands. */
  caller: callerSchema.optional(),
  /** The time since the caller's first attempt; 0 for the first. */
  askedForMs: z.int().min(0),
  holdMs: holdSchema,
})
export type CommandCall = z.infer<typeof commandCallSchema>

export const commandAskedSchema = z.discriminatedUnion('ask', [
  commandCallSchema,
  /** Asks for the outcome of an earlier call. */
  z.object({ ask: z.literal('look'), id: commandIdSchema, holdMs: holdSchema }),
])
export type CommandAsked = z.infer<typeof commandAskedSchema>

export const deviceAnswerSchema = z.object({
  /** 100 to 599, as in HTTP; null if the answer is not understood, or too large. */
  status: z.int().min(100).max(599).nullable(),
  payload: base64Schema,
  contentType: z.string().nullable(),
  userProperties: z.array(z.tuple([z.string(), z.string()])),
  /** By the home's clock, like all times in this file. */
  at: z.number(),
  /** The payload or the properties had more than COMMAND_BYTES_MAX, and were not stored. */
  tooLarge: z.literal(true).optional(),
})
export type DeviceAnswer = z.infer<typeof deviceAnswerSchema>

export const commandRowSchema = z.object({
  id: commandIdSchema,
  name: commandNameSchema,
  fingerprint: z.string().min(1).max(64),
  acceptedAt: z.number(),
  expiresAt: z.number(),
  /** The device's first answer. */
  answer: deviceAnswerSchema.nullable(),
  caller: callerSchema.optional(),
})
export type CommandRow = z.infer<typeof commandRowSchema>

export const commandOutcomeSchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('answered'), command: commandRowSchema }),
  /** No answer yet. */
  z.object({ state: z.literal('open'), command: commandRowSchema }),
  /** No answer before the timeout. An answer after it is stored. */
  z.object({ state: z.literal('expired'), command: commandRowSchema }),
  /**
   * The device was not called. `away`: not connected. `no-session`: no session in which the command can wait. `deaf`: not
   * subscribed to its commands. With the device's last presence event, if there is one.
   */
  z.object({
    state: z.literal('offline'),
    why: z.enum(['away', 'no-session', 'deaf']),
    presence: presenceEventSchema.nullable(),
  }),
  /** Another call had the same id. */
  z.object({ state: z.literal('mismatch') }),
  /** Too many commands of the device are open. */
  z.object({ state: z.literal('busy'), who: z.enum(['caller', 'device']).optional() }),
  /** The device's queue refused the command, with an MQTT reason code. */
  z.object({ state: z.literal('refused'), reason: z.int().min(0x80).max(0xff) }),
  /** A repetition of a call that the home no longer knows: the device may or may not have been called. */
  z.object({ state: z.literal('lost') }),
  z.object({ state: z.literal('unknown') }),
])
export type CommandOutcome = z.infer<typeof commandOutcomeSchema>

/** Edge to core, `POST …/command`: the device's home is in another region. */
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
  /** The device has no home: it never connected. A call creates no home. */
  z.object({ status: z.literal('unknown') }),
])
export type CommandResponse = z.infer<typeof commandResponseSchema>
