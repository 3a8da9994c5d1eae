// What a request's JSON may hold: one set of names for payloads, and an error for an unknown key that lists the known ones.
import { describe, expect, test } from 'vitest'
import { callSchema } from '../../src/api/command.ts'
import { rotateRoute } from '../../src/api/credentials.ts'
import { devicePatchSchema, importLineSchema, newDeviceSchema } from '../../src/api/devices.ts'
import { putFleetRoute } from '../../src/api/fleets.ts'
import { publishSchema } from '../../src/api/message.ts'
import { createClaimTokenRoute, provisionRoute } from '../../src/api/provisioning.ts'
import { publishBatchSchema } from '../../src/api/publish.ts'
import { invalid, problemSchema } from '../../src/relay/problem.ts'

const bodyOf = (route: {
  readonly request: {
    readonly body: { readonly content: { readonly 'application/json': { schema: Schema } } }
  }
}) => route.request.body.content['application/json'].schema
interface Schema {
  safeParse(value: unknown): { error?: Parameters<typeof invalid>[0] | undefined }
}

async function refusal(schema: Schema, value: unknown) {
  const { error } = schema.safeParse(value)
  return error === undefined ? null : problemSchema.parse(await invalid(error).json())
}

describe('an unknown key', () => {
  test.each<[string, Schema, object, string]>([
    ['a publish', publishSchema, { topic: 'a' }, 'topic, json, text, base64, qos'],
    ['a batch', publishBatchSchema, { messages: [{ topic: 'a' }] }, 'messages'],
    ['a call', callSchema, { name: 'blink' }, 'name, json, text, base64'],
    ['a new device', newDeviceSchema, { id: 'lamp' }, 'id, type, attributes'],
    ['a device’s patch', devicePatchSchema, {}, 'type, attributes, groups, enabled'],
    ['an imported device', importLineSchema, { id: 'lamp' }, 'id, type, attributes'],
    ['a new claim token', bodyOf(createClaimTokenRoute), {}, 'description, uses'],
    [
      'a provisioning',
      bodyOf(provisionRoute),
      { claimToken: 'x', device: 'lamp' },
      'claimToken, device, fleet',
    ],
    ['a new credential', bodyOf(rotateRoute), {}, 'graceSeconds, expiresInSeconds'],
    ['a fleet', bodyOf(putFleetRoute), {}, 'description'],
  ])('of %s is named, beside those that are known', async (_, schema, right, known) => {
    expect(await refusal(schema, right)).toBeNull()
    const problem = await refusal(schema, { ...right, mistake: 1 })
    expect(problem).toMatchObject({ type: '/problems/invalid-request', field: 'mistake' })
    expect(problem?.detail).toContain('"mistake"')
    expect(problem?.detail).toContain(`known are: ${known}`)
  })

  test('inside a batch is named with its place', async () => {
    const problem = await refusal(publishBatchSchema, { messages: [{ topic: 'a', payload: 'x' }] })
    expect(problem?.field).toBe('messages.0.payload')
    expect(problem?.detail).toContain('json, text, base64')
  })
})

describe('a payload', () => {
  test.each([
    ['a publish', publishSchema, { topic: 'a' }],
    ['a call', callSchema, { name: 'blink' }],
  ])('of %s is one of json, text and base64', async (_, schema, rest) => {
    for (const payload of [{ json: null }, { text: 'x' }, { base64: 'eA==' }, {}])
      expect(await refusal(schema, { ...rest, ...payload })).toBeNull()
    const problem = await refusal(schema, { ...rest, json: 1, text: 'x' })
    expect(problem).toMatchObject({ field: 'json', detail: expect.stringContaining('text, base64') })
  })

  test('of a call may have its older name', async () => {
    expect(callSchema.parse({ name: 'blink', payload: null }).json).toBeNull()
    expect(callSchema.parse({ name: 'blink', json: null }).json).toBeNull()
    expect(await refusal(callSchema, { name: 'blink', json: 1, payload: 2 })).toMatchObject({
      field: 'payload',
    })
  })
})
