// Runs the programs in the pages' blocks, as a reader would who copies them into a file and sets the page's variables.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'
import { Command, PROJECT, quoted } from '../clients/commands.ts'
import { preparePaho } from '../clients/paho-venv.ts'
import { prepareVenv } from '../clients/python-venv.ts'
import { openTlsDoor } from '../clients/tls-door.ts'
import type { Block } from './pages.ts'

export interface Place {
  /** Of this system, by those that the pages name. */
  readonly ports: Readonly<Record<string, string>>
  /** Inside of the project, so that a program finds the project's packages. */
  readonly folder: string
}

const PROGRAM_MS = 60_000
const PRINTS = /^\s*(?:\/\/|#|<!--)\s*prints (.*?)(?:\s*-->)?$/

interface Prepared {
  /** A shell runs it. */
  readonly line: string
  readonly env?: Readonly<Record<string, string>>
  readonly close?: () => Promise<void>
}

type Runner = (block: Block, place: Place) => Promise<Prepared | null>

/** By language: writes the program down and says how it is run; null where what it takes is not installed. */
export const PROGRAMS: Readonly<Record<string, Runner>> = {
  js: (block, place) => nodeLine(block.text, block, place, 'mjs'),
  ts: (block, place) => nodeLine(block.text, block, place, 'ts'),
  html: (block, place) => nodeLine(scriptOf(block.text), block, place, 'mjs'),
  python: pythonLine,
}

/** @param variables of the page, which the program sees in its environment */
export async function runProgram(
  block: Block,
  variables: Readonly<Record<string, string>>,
  place: Place,
): Promise<void> {
  const prepared = await PROGRAMS[block.language]?.(block, place)
  if (prepared === null || prepared === undefined) return
  const { line, env, close } = prepared
  const { code, stdout, stderr } = await new Command(line, { ...variables, ...env }).ended(PROGRAM_MS)
  await close?.()
  expect(code, `${block.text}\n${stdout}\n${stderr}`).toBe(0)
  const wanted = block.text.split('\n').flatMap((text) => PRINTS.exec(text)?.[1] ?? [])
  expect(stdout.trimEnd().split('\n').filter(Boolean), stderr).toEqual(wanted)
}

async function nodeLine(text: string, block: Block, { folder }: Place, ending: string): Promise<Prepared> {
  const file = path.join(folder, `line-${block.lineNumber}.${ending}`)
  await writeFile(file, text)
  return { line: `exec ${quoted(process.execPath)} --experimental-eventsource --no-warnings ${quoted(file)}` }
}

async function pythonLine(block: Block, { folder, ports }: Place): Promise<Prepared | null> {
  const isAws = /^(?:from|import) aws/m.test(block.text)
  const venv = isAws ? await prepareAws() : await preparePaho()
  // CI installs Python; without it these blocks, like the tests of paho, are left out.
  if (!venv.found) return null
  const file = path.join(folder, `line-${block.lineNumber}.py`)
  await writeFile(file, block.text)
  const line = `exec ${quoted(venv.python)} ${quoted(file)}`
  if (!isAws) return { line }
  const door = await openTlsDoor(Number(ports[8801]))
  const ca = path.join(folder, 'ca.pem')
  await writeFile(ca, door.ca)
  return { line, env: { HOST: 'localhost', PORT: String(door.port), CA: ca }, close: door.close }
}

function prepareAws() {
  const requirements = path.join(PROJECT, 'test/docs/requirements.txt')
  return prepareVenv({ name: 'aws-venv', requirements, module: 'awsiot' })
}

/** What a browser would run, with the project's copy of the library in place of the one from the net, and a page to write on. */
function scriptOf(html: string): string {
  const [, script = ''] = /<script type="module">\n([\s\S]*?)<\/script>/.exec(html) ?? []
  const page = 'globalThis.document = { body: { append: (text) => process.stdout.write(text) } }\n'
  return page + script.replace(/https:\/\/[^'"]*\/(mqtt)@[^'"]*/, '$1')
}
