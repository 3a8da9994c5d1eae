// Parsers of arguments. Each throws commander's InvalidArgumentError, which ends the command with exit code 2.
import { InvalidArgumentError } from 'commander'
import {
  type ClientId,
  type FleetId,
  parseClientId,
  parseFleetId,
  parseRegionId,
  type RegionId,
} from '../id/ids.ts'
import { isTopicFilter, isTopicName } from '../mqtt/topic.ts'

export function clientId(text: string): ClientId {
  const client = parseClientId(text)
  if (client === null) throw new InvalidArgumentError('1 to 128 bytes, without / + # and control characters')
  return client
}

export function fleetId(text: string): FleetId {
  const fleet = parseFleetId(text)
  if (fleet === null) throw new InvalidArgumentError('not a fleet: lower-case letters, digits, hyphens')
  return fleet
}

export function regionId(text: string): RegionId {
  const region = parseRegionId(text)
  if (region === null) throw new InvalidArgumentError('not a region: lower-case letters, digits, hyphens')
  return region
}

export function topicName(text: string): string {
  if (!isTopicName(text))
    throw new InvalidArgumentError('a topic has at least one character, and no wildcards')
  return text
}

export function topicFilter(text: string): string {
  if (!isTopicFilter(text))
    throw new InvalidArgumentError('+ stands for a whole level, # for all that follow, at the end')
  return text
}

/** A whole number from `min` to `max`. @param what names it in the error */
export function whole(what: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const n = Number(text)
    if (text.trim() === '' || !Number.isInteger(n) || n < min || n > max) throw new InvalidArgumentError(what)
    return n
  }
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `500ms`, `30s`, `5m`, `2h`, `7d`, or a number of seconds, as milliseconds. */
export function duration(text: string): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim()) ?? []
  const ms = Number(digits) * (UNITS_MS[unit] ?? Number.NaN)
  if (!Number.isFinite(ms) || ms <= 0) throw new InvalidArgumentError('such as 30s, 5m, 2h or 7d')
  return ms
}
