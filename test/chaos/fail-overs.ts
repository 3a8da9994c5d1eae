// Which roots went on without their former home, and when, as the cores' logs say: what that one had comes late (promise 3).
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { BEGINS_FROM_STORE } from '../../k8s-core/app.ts'

export interface FailOver {
  readonly root: string
  /** ms since the epoch. */
  readonly at: number
}

export async function readFailOvers(logs: string, cores: readonly string[]): Promise<FailOver[]> {
  const texts = await Promise.all(cores.map((name) => readFile(path.join(logs, `chaos-${name}.log`), 'utf8')))
  return texts.flatMap((text) => failOversIn(text))
}

/** @param log a JSON object in each line, among others */
export function failOversIn(log: string): FailOver[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes(BEGINS_FROM_STORE))
    .map((line) => {
      const { root, time } = JSON.parse(line) as { root: string; time: number }
      return { root, at: time }
    })
}
