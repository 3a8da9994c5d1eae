// The course with clients in languages that are compiled, each where its toolchain is: `npm run test:clients`.
import { afterAll, beforeAll } from 'vitest'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'
import type { Version } from './course.ts'
import { takenByProgram, takesTheCourse } from './course-suite.ts'
import { type Command, HIVEMQ, PAHO_GOLANG, type Program, RUMQTTC } from './programs.ts'

/** paho.golang speaks MQTT 5 only; Eclipse has another module for 3.1.1. */
const ENTRANTS: readonly (readonly [Program, readonly Version[]])[] = [
  [PAHO_GOLANG, [5]],
  [RUMQTTC, [5, 4]],
  [HIVEMQ, [5, 4]],
]

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

for (const [program, versions] of ENTRANTS) {
  const missing = await program.missing()
  // Not before its own tests: what one cannot build fails nobody else.
  let built: Promise<Command> | undefined
  takesTheCourse(
    {
      name: program.name,
      versions,
      missing,
      take: async (scene) => {
        built ??= program.build()
        const { command, args } = await built
        return takenByProgram(command, args, scene)
      },
    },
    () => system,
  )
}
