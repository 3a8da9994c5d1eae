// Checks the command lines that a test cannot run: deployments, installations, and runs that take long.
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'vitest'
import { parse } from 'yaml'
import { PROJECT, run } from '../clients/commands.ts'
import { valuesFaults } from './chart-values.ts'
import type { Example } from './sh-examples.ts'

type Check = (words: readonly string[], variables: Record<string, string>) => void | Promise<void>

const CHECKS: Readonly<Record<string, Check>> = {
  npm: checkNpm,
  wrangler: checkWrangler,
  docker: checkDocker,
  helm: checkHelm,
  cp: ([, from = '']) => isThere(from),
  bash: ([, script = '']) => isThere(script),
  alias: () => undefined,
}

/** Throws where the line would not do what the page says. */
export async function checkOther(
  { line, program }: Example,
  variables: Record<string, string>,
): Promise<void> {
  for (const part of line.split(' && ')) {
    const words = wordsIn(part).filter((word, at, all) => at > 0 || !/^\w+=/.test(word) || all.length === 1)
    const at = words[0] === 'npx' ? 1 : 0
    const check = CHECKS[words[at] ?? '']
    if (check === undefined) throw new Error(`no check for ${program}: add one to other-commands.ts`)
    await check(words.slice(at), variables)
  }
}

/** A shell's words: quotes hold one together. */
export function wordsIn(line: string): string[] {
  return [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replaceAll(/['"]/g, ''))
}

function isThere(file: string): void {
  expect(existsSync(path.join(PROJECT, file)), `${file} is missing`).toBe(true)
}

const readText = (file: string) => readFileSync(path.join(PROJECT, file), 'utf8')

/** A script of package.json, and options that its program knows. */
function checkNpm(words: readonly string[]): void {
  const [, command, ...rest] = words
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  if (command === 'install' || command === 'ci') return
  const named = rest.find((word) => !word.startsWith('-'))
  const name = command === 'run' ? (named ?? '') : (command ?? '')
  const script = scripts[name]
  if (script === undefined) throw new Error(`package.json has no script ${name}`)
  const behind = rest.slice(rest.indexOf('--') + 1)
  const [, program] = /node (\S+\.ts)/.exec(script) ?? []
  if (program === undefined || !rest.includes('--')) return
  const sources = globSync(`${path.dirname(program)}/*.ts`, { cwd: PROJECT })
    .map(readText)
    .join('\n')
  for (const option of behind.filter((word) => word.startsWith('--'))) {
    const known = new RegExp(String.raw`(?:--|['"\s.])${option.slice(2)}\b`).test(sources)
    expect(known, `${name} does not know ${option}`).toBe(true)
  }
}

/** Wrangler has the command, and a secret or a variable is one that the edge reads. */
async function checkWrangler(words: readonly string[]): Promise<void> {
  const command = words.slice(1).filter((word) => /^[a-z]+$/.test(word))
  const { code, stdout } = await run(`npx wrangler ${command.join(' ')} --help`)
  expect(code).toBe(0)
  expect(stdout).toContain(`wrangler ${command.join(' ')}`)
  const [, secret] = /^wrangler secret put (\S+)/.exec(words.join(' ')) ?? []
  if (secret === undefined) return
  expect(globSync('actors/hosts/workerd/*.ts', { cwd: PROJECT }).map(readText).join('\n')).toContain(
    `readonly ${secret}:`,
  )
}

/** The Dockerfile is there, and the image has the name that the chart looks for. */
function checkDocker(words: readonly string[]): void {
  const after = (option: string) => words[words.indexOf(option) + 1] ?? ''
  isThere(after('-f'))
  const { image } = parse(readText('k8s-core/chart/values.yaml')) as { image: { repository: string } }
  const { appVersion } = parse(readText('k8s-core/chart/Chart.yaml')) as { appVersion: string }
  expect(after('-t')).toBe(`${image.repository}:${appVersion}`)
}

/** The values are what the chart's schema takes; `npm run chart` renders the same line with Helm. */
function checkHelm(words: readonly string[]): void {
  expect(words).toContain('k8s-core/chart')
  const given = (option: string) =>
    words.flatMap((word, at) => (word === option ? [words[at + 1] ?? ''] : []))
  const files = given('--values').map((file) => parse(readText(file)) as Record<string, unknown>)
  expect(valuesFaults(files, given('--set'))).toEqual([])
}
