// Which tests name which statements: vitest collects the tests without running them, and their names are read.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createVitest } from 'vitest/node'

export type Version = '5.0' | '3.1.1'

export interface Proof {
  readonly version: Version
  readonly id: string
  /** Below the folder `test`. */
  readonly file: string
  /** The test's name with those of its suites, without tags. */
  readonly name: string
  /** False for `it.fails`: the test says what should be so and is not yet. */
  readonly holds: boolean
}

const TAG = /\s*\[MQTT-([^\],]+)(?:, (3\.1\.1))?\]/g
const TEST = path.join(import.meta.dirname, '..')

/** `… [MQTT-3.1.0-1] [MQTT-3.1.0-1, 3.1.1]` names a statement of 5.0 and one of 3.1.1. */
export function proofsOf(fullName: string, file: string, holds: boolean): Proof[] {
  const name = fullName.replace(TAG, '')
  return [...fullName.matchAll(TAG)].map(([, id, older]) => ({
    version: older === undefined ? '5.0' : '3.1.1',
    id: id as string,
    file,
    name,
    holds,
  }))
}

/** Outside this folder a tag stands as it is in its test's file, so that other files need not be loaded. */
export async function collectProofs(): Promise<Proof[]> {
  const vitest = await createVitest('test', { watch: false, reporters: [{}], root: path.join(TEST, '..') })
  try {
    const tagged = (await vitest.globTestSpecifications()).filter(
      ({ moduleId }) =>
        moduleId.includes('/test/conformance/') || readFileSync(moduleId, 'utf8').includes('MQTT-'),
    )
    const { testModules, unhandledErrors } = await vitest.collect(
      tagged.map(({ moduleId }) => moduleId),
      // Run up to their tests: the rows of tables make names too.
      { staticParse: false },
    )
    const errors = [...unhandledErrors, ...testModules.flatMap((module) => module.errors())]
    if (errors.length > 0) throw new Error('the tests could not be collected', { cause: errors[0] })
    return testModules
      .flatMap((module) => [...module.children.allTests()])
      .flatMap(({ fullName, module, options }) =>
        proofsOf(fullName, path.relative(TEST, module.moduleId), options.fails !== true),
      )
      .sort((a, b) => compare(a.file, b.file) || compare(a.name, b.name))
  } finally {
    await vitest.close()
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
