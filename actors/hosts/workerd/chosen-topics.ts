// Which messages this deployment stores as history: HISTORY, parsed once for all actors and requests of a process.
import { type ChosenTopics, parseChosen } from '../../../src/history/chosen.ts'
import type { Env } from './env.ts'

let parsed: { readonly setting: string; readonly topics: ChosenTopics } | null = null

export function chosenTopics({ HISTORY: setting = '' }: Env): ChosenTopics {
  if (parsed?.setting !== setting) parsed = { setting, topics: parseChosen(setting) }
  return parsed.topics
}
