// The topics of commands: the request that a device subscribes to, and the answer that only the device itself may give.
import type { ClientId } from './ids.ts'
import { rootOfClient } from './root.ts'

const COMMANDS = '/commands/'
const ANSWERS = '/answers/'
/** One topic level. */
const NAME = /^[\w.:-]{1,64}$/
const ID = /^[\w-]{1,64}$/
const STATUS = /^[1-5]\d\d$/

export function isCommandName(text: string): boolean {
  return NAME.test(text)
}

export function isCommandId(text: string): boolean {
  return ID.test(text)
}

/** `devices/<device>/commands/<name>/<request id>`: what a device gets. */
export function commandTopic(device: ClientId, name: string, id: string): string {
  return `${rootOfClient(device)}${COMMANDS}${name}/${id}`
}

/** `devices/<device>/answers/<request id>`, followed by `/<status>` if the device's MQTT version has no user properties. */
export function answerTopic(device: ClientId, id: string): string {
  return `${rootOfClient(device)}${ANSWERS}${id}`
}

/** The id in a command's topic of this device; null for any other topic. */
export function commandIdIn(device: ClientId, topic: string): string | null {
  const rest = below(device, COMMANDS, topic)
  if (rest === null) return null
  const slash = rest.indexOf('/')
  const id = rest.slice(slash + 1)
  return slash > 0 && NAME.test(rest.slice(0, slash)) && ID.test(id) ? id : null
}

/** Whether a topic is one of `devices/<device>/answers/…`. */
export function isAnswerTopic(device: ClientId, topic: string): boolean {
  return below(device, ANSWERS, topic) !== null
}

export interface AnswerTopic {
  readonly id: string
  /** 100 to 599; null if the topic has no status. */
  readonly status: number | 'wrong' | null
}

/** The parts of an answer's topic; null for any other topic. */
export function parseAnswerTopic(device: ClientId, topic: string): AnswerTopic | null {
  const rest = below(device, ANSWERS, topic)
  if (rest === null) return null
  const slash = rest.indexOf('/')
  const id = slash < 0 ? rest : rest.slice(0, slash)
  if (!ID.test(id)) return null
  return { id, status: slash < 0 ? null : parseStatus(rest.slice(slash + 1)) }
}

export function parseStatus(text: string): number | 'wrong' {
  return STATUS.test(text) ? Number(text) : 'wrong'
}

/** Without making a string of the prefix: this is asked of every message of a device's root. */
function below(device: ClientId, branch: string, topic: string): string | null {
  const at = 'devices/'.length + device.length
  return topic.startsWith(branch, at) && topic.startsWith(device, 'devices/'.length)
    ? topic.slice(at + branch.length)
    : null
}
