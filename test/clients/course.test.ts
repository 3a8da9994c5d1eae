// The course with the two clients that need no compiler: mqtt.js, and Python's paho-mqtt.
import path from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'
import { takenByProgram, takesTheCourse } from './course-suite.ts'
import { takeWithMqttJs } from './mqttjs-course.ts'
import { preparePaho } from './paho-venv.ts'

const paho = await preparePaho()

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

takesTheCourse(
  {
    name: 'mqtt.js',
    versions: [5, 4],
    missing: null,
    take: async (scene) => ({ outcomes: await takeWithMqttJs(system, scene), code: null, said: '' }),
  },
  () => system,
)

takesTheCourse(
  {
    name: 'paho-mqtt',
    versions: [5, 4],
    missing: paho.found ? null : paho.missing,
    take: (scene) => {
      if (!paho.found) throw new Error(paho.missing)
      return takenByProgram(paho.python, [path.join(import.meta.dirname, 'paho_course.py')], scene)
    },
  },
  () => system,
)
