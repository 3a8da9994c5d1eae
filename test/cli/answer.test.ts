// `starling answer` against a real system: what a caller gets from a device on the command line.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'
import { type Ran, Running, starling } from './starling.ts'

const CASE_MS = 90_000

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const running: Running[] = []
afterEach(() => {
  for (const one of running.splice(0)) one.process.kill('SIGKILL')
})

const here = (...args: string[]): Promise<Ran> => starling(['--dir', system.dir, ...args])

/** Returns when the device is subscribed to its commands. */
async function answering(device: string, ...args: string[]): Promise<Running> {
  const one = new Running(['--dir', system.dir, 'answer', device, ...args])
  running.push(one)
  await one.has(`answering as ${device}`)
  return one
}

describe('starling answer', () => {
  it.each(['3', '5'])(
    'answers each call of the device with its own payload, with MQTT %s, in whatever region the caller is',
    async (mqtt) => {
      const device = await answering(`echo-${mqtt}`, '--mqtt', mqtt, '--json')
      const called = await here('call', `echo-${mqtt}`, 'blink', '{"times":3}', '--region', 'us')
      expect(called).toMatchObject({ code: 0, stdout: '{"times":3}\n' })
      await device.has(1)
      expect(JSON.parse(device.lines[0] ?? '')).toEqual({
        name: 'blink',
        id: expect.any(String),
        call: { times: 3 },
        answer: { times: 3 },
        status: 200,
      })
    },
    CASE_MS,
  )

  it.each(['3', '5'])(
    'answers with the status and the text that it is given, with MQTT %s',
    async (mqtt) => {
      await answering(`refuser-${mqtt}`, 'no such command', '--status', '404', '--mqtt', mqtt)
      const called = await here('call', `refuser-${mqtt}`, 'blink', '--json')
      expect(called).toMatchObject({ code: 1, stdout: '' })
      expect(called.stderr).toMatch(/404/)
    },
    CASE_MS,
  )

  it(
    'ends after --count calls, and says goodbye',
    async () => {
      const device = await answering('twice', '{"done":true}', '--count', '2')
      for (let i = 0; i < 2; i++)
        expect(await here('call', 'twice', 'go')).toMatchObject({ code: 0, stdout: '{"done":true}\n' })
      expect(await device.ended()).toMatchObject({ code: 0 })
      expect(device.lines).toEqual(['go  → 200 {"done":true}', 'go  → 200 {"done":true}'])
      expect(await here('call', 'twice', 'go')).toMatchObject({ code: 5 })
    },
    CASE_MS,
  )

  it(
    'ends with 6 if the calls have not come in time, and with 0 on Ctrl-C',
    async () => {
      const late = await here('answer', 'lonely', '--count', '1', '--timeout', '500ms')
      expect(late).toMatchObject({ code: 6, stdout: '' })
      const device = await answering('patient')
      device.process.kill('SIGINT')
      expect(await device.ended()).toMatchObject({ code: 0, stdout: '' })
    },
    CASE_MS,
  )
})
