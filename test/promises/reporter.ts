// The last lines of a test run: each promise with the tests that prove it, and the plain count.
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { PROMISES } from './promises.ts'

export class PromiseReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const all = modules.flatMap((module) => [...module.children.allTests()])
    const cases = all.filter((one) => !one.module.moduleId.includes('/promises/'))
    const count = (state: string) => all.filter((one) => one.result().state === state).length
    // A run of some files only cannot speak for the promises.
    if (PROMISES.some(({ tests }) => tests.some((name) => find(cases, name).length > 0))) {
      process.stdout.write('\nThe promises and the tests that prove them:\n')
      for (const { number, promise, tests, open } of PROMISES) {
        process.stdout.write(`\n  ${number}. ${promise}\n`)
        for (const name of tests) process.stdout.write(`     ${verdict(find(cases, name))}  ${name}\n`)
        if (open !== null) process.stdout.write(`     to come: ${open}\n`)
      }
    }
    const failedModules = modules.filter((module) => module.errors().length > 0).length
    process.stdout.write(
      `\n${count('passed')} passed, ${count('failed') + failedModules} failed, ${count('skipped')} skipped\n`,
    )
  }
}

function find(cases: readonly TestCase[], name: string): TestCase[] {
  return cases.filter((one) => one.fullName.includes(name))
}

function verdict(found: readonly TestCase[]): string {
  if (found.length === 0) return 'not run'
  const states = found.map((one) => one.result().state)
  if (states.includes('failed')) return 'FAILED '
  return states.includes('passed') ? 'passed ' : 'skipped'
}
