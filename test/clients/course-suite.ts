// One client's way through the course as tests: a test for each step, with what the client says where it fails.
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { System } from '../e2e/system.ts'
import {
  CANNOT,
  COURSE,
  MEMBERS,
  type Outcome,
  type Scene,
  STEPS,
  VERSION_NAMES,
  type Version,
} from './course.ts'
import { BUILD_MS } from './programs.ts'

/** For a whole course on a busy machine; each wait within it has a shorter deadline of its own. */
const COURSE_MS = 300_000
/** The first course of a program that is compiled waits for that too. */
const PREPARED_MS = BUILD_MS + COURSE_MS + 10_000

export interface Course {
  readonly outcomes: readonly Outcome[]
  /** What a program ended with; null where it is none. */
  readonly code: number | null
  /** What it wrote beside; for a failing test's message. */
  readonly said: string
}

export interface Entrant {
  readonly name: string
  readonly versions: readonly Version[]
  /** A sentence, where this machine cannot run it. */
  readonly missing: string | null
  readonly take: (scene: Scene) => Promise<Course>
}

/** @param system when this is called, tests are collected: nothing runs yet */
export function takesTheCourse(entrant: Entrant, system: () => System): void {
  const { name, versions, missing } = entrant
  if (missing !== null)
    process.stderr.write(`\n  !!  SKIPPED: the course with ${name}.\n  !!  ${missing}\n\n`)

  for (const version of versions) {
    const who = `${name} (${VERSION_NAMES[version]})`
    describe.skipIf(missing !== null)(missing === null ? 'the course' : `the course (${missing})`, () => {
      const cannot = CANNOT[name]?.[version] ?? {}
      const steps = STEPS.filter((step) => cannot[step] === undefined)
      let course: Course
      beforeAll(async () => {
        course = await entrant.take(await sceneOf(system(), name, version, steps))
      }, PREPARED_MS)

      it(`${who}: every step of the course is taken`, () => {
        expect(
          course.outcomes.map(({ step }) => step),
          course.said,
        ).toEqual(steps)
        if (course.code !== null) expect(course.code).toBe(course.outcomes.every(({ ok }) => ok) ? 0 : 1)
      })

      for (const step of STEPS) {
        const reason = cannot[step]
        const title = `${who}: ${COURSE[step]}`
        const outcome = () => course.outcomes.find((one) => one.step === step)
        if (reason !== undefined) {
          it.skip(`${title} (cannot: ${reason})`, () => undefined)
        } else {
          it(title, () => {
            expect(outcome(), `${outcome()?.detail}\n${course.said}`).toMatchObject({ ok: true })
          })
        }
      }
    })
  }
}

async function sceneOf(
  system: System,
  name: string,
  version: Version,
  steps: Scene['steps'],
): Promise<Scene> {
  const run = `${name.toLowerCase().replaceAll(/\W+/g, '-')}-${version}`
  const ids = steps.flatMap((step) => MEMBERS.map((member) => `${run}-${step}-${member}`))
  const tokens = await Promise.all(ids.map(async (id) => [id, await system.token(id)] as const))
  const urls = { eu: await system.mqttUrl('eu'), us: await system.mqttUrl('us') }
  return { version, run, urls, tokens: Object.fromEntries(tokens), steps }
}

const outcomeSchema = z.strictObject({ step: z.string(), ok: z.boolean(), detail: z.string() })
const SAID_SHOWN_MAX = 4_000

/** A program takes the course: the scene on its standard input, an outcome a line on its standard output. */
export async function takenByProgram(
  command: string,
  args: readonly string[],
  scene: Scene,
): Promise<Course> {
  const child = spawn(command, args, { stdio: 'pipe', timeout: COURSE_MS, killSignal: 'SIGKILL' })
  const ended = new Promise<number | null>((done, fail) => {
    child.once('error', fail)
    child.once('close', done)
  })
  // A program that ends before it has read all is judged by what it says.
  child.stdin.on('error', () => undefined)
  child.stdin.end(JSON.stringify(scene))
  const [out, said, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  const lines = out.split('\n').filter((line) => line !== '')
  const outcomes = lines.map((line) => outcomeSchema.parse(JSON.parse(line)))
  return { outcomes, code: code ?? -1, said: said.slice(-SAID_SHOWN_MAX) }
}
