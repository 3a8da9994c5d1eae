// Python's paho-mqtt over WebSockets: a second opinion on the protocol, from the most used client of all.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'
import { preparePaho } from './paho-venv.ts'

const SCRIPT = path.join(import.meta.dirname, 'paho_roundtrip.py')
const CASE_MS = 90_000
/** As paho-mqtt names them for both versions. */
const CLIENT_ID_NOT_VALID = 133
const NOT_AUTHORIZED = 135

const paho = await preparePaho()
if (!paho.found && !process.env.CI)
  process.stderr.write(`\n  !!  SKIPPED: all tests with paho-mqtt.\n  !!  ${paho.missing}\n\n`)

/** What one connection was told. */
const accountSchema = z.object({
  connack: z.int(),
  sessionPresent: z.boolean(),
  granted: z.array(z.int()),
  pubacks: z.array(z.int()),
  got: z.array(z.object({ topic: z.string(), text: z.string(), qos: z.int() })),
})
const roundtripSchema = z.object({ device: accountSchema, app: accountSchema })
const sessionSchema = z.object({
  before: accountSchema,
  back: accountSchema,
  again: accountSchema,
  app: accountSchema,
})
const connectSchema = z.object({ device: accountSchema })

async function play<T>(schema: z.ZodType<T>, scene: Record<string, unknown>): Promise<T> {
  if (!paho.found) throw new Error(paho.missing)
  const child = spawn(paho.python, [SCRIPT], { stdio: 'pipe', timeout: CASE_MS })
  child.stdin.end(JSON.stringify(scene))
  const ended = new Promise<number | null>((done) => child.once('close', done))
  const [out, said] = await Promise.all([text(child.stdout), text(child.stderr)])
  const code = await ended
  if (code !== 0) throw new Error(`the scene ended with ${code}:\n${said}`)
  return schema.parse(JSON.parse(out))
}

it.skipIf(paho.found || !process.env.CI)('has a Python to run paho-mqtt with', () => {
  expect.fail(paho.found ? '' : paho.missing)
})

describe.skipIf(!paho.found)('paho-mqtt', () => {
  let system: System
  beforeAll(async () => {
    system = await System.start()
  }, SYSTEM_START_MS)
  afterAll(() => system.stop())

  const place = async (region: string, id: string, { plain = false, as = id } = {}) => {
    const { hostname, port, pathname } = new URL(await system.mqttUrl(region))
    const wsPath = plain ? pathname : `${pathname}/${id}`
    return { host: hostname, port: Number(port), path: wsPath, id, token: await system.token(as) }
  }

  const KINDS = [
    { name: 'MQTT 3.1.1 [MQTT-7.0.0-2, 3.1.1]', version: 4, plain: false },
    { name: 'MQTT 5', version: 5, plain: false },
    { name: 'MQTT 3.1.1 over the path without a client id', version: 4, plain: true },
    { name: 'MQTT 5 over the path without a client id', version: 5, plain: true },
  ]

  describe.each(KINDS)('with $name', ({ version, plain }) => {
    const id = `paho-${version}-${plain}`
    const topic = `devices/${id}/cmd/power`
    const filter = `devices/${id}/cmd/#`

    it(
      'gets a command from us to a device in eu, and the app its PUBACK',
      async () => {
        const { device, app } = await play(roundtripSchema, {
          scene: 'roundtrip',
          version,
          device: await place('eu', id, { plain }),
          app: await place('us', `${id}-app`, { plain }),
          filter,
          topic,
          texts: ['on'],
        })
        expect(device).toEqual({
          connack: 0,
          sessionPresent: false,
          granted: [1],
          pubacks: [],
          got: [{ topic, text: 'on', qos: 1 }],
        })
        expect(app).toEqual({ connack: 0, sessionPresent: false, granted: [], pubacks: [0], got: [] })
      },
      CASE_MS,
    )

    it(
      'gets the ten messages that came while it was away when it comes back in us: in order, once, in the same session',
      async () => {
        const texts = Array.from({ length: 10 }, (_, i) => `m${i}`)
        const { before, back, again, app } = await play(sessionSchema, {
          scene: 'session',
          version,
          device: await place('eu', `${id}-sleeper`, { plain }),
          back: await place('us', `${id}-sleeper`, { plain }),
          app: await place('us', `${id}-app`, { plain }),
          filter,
          topic,
          texts,
        })
        const messages = (...all: string[]) => all.map((one) => ({ topic, text: one, qos: 1 }))
        expect(before).toMatchObject({ connack: 0, sessionPresent: false, granted: [1], got: [] })
        expect(back).toMatchObject({ connack: 0, sessionPresent: true, got: messages(...texts, 'end') })
        expect(again).toMatchObject({ connack: 0, sessionPresent: true, got: messages('end') })
        expect(app.pubacks).toEqual(Array(12).fill(0))
      },
      CASE_MS,
    )

    it(
      'is refused in the CONNACK with the token of another client',
      async () => {
        const { device } = await play(connectSchema, {
          scene: 'connect',
          version,
          device: await place('eu', `${id}-thief`, { plain, as: id }),
        })
        // Without an id in the path, the token says who comes, and the id in CONNECT contradicts it.
        const reason = plain ? CLIENT_ID_NOT_VALID : NOT_AUTHORIZED
        expect(device).toMatchObject({ connack: reason, sessionPresent: false })
      },
      CASE_MS,
    )
  })
})
