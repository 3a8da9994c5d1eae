// The payload of a message or a command in JSON: one of `json`, `text` and `base64`, under the same names wherever it stands.
import { z } from 'zod'
import { base64ToBytes } from '../relay/base64.ts'

export const payloadFields = {
  json: z.unknown().optional().meta({
    description: 'The payload as any JSON value; the content type is application/json unless given',
  }),
  text: z.string().optional().meta({ description: 'The payload as UTF-8, instead of `json`' }),
  base64: z.base64().optional().meta({ description: 'The payload as bytes, instead of `json`' }),
}

interface PayloadFields {
  readonly json?: unknown
  readonly text?: string | undefined
  readonly base64?: string | undefined
}

/** Adds an issue if more than one payload is given. @param names all keys that may hold a payload */
export function onePayload(names: readonly string[]) {
  return (value: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    const given = names.filter((name) => value[name] !== undefined)
    if (given.length > 1)
      context.addIssue({
        code: 'custom',
        message: `only one payload: ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
        path: [given[1] ?? ''],
      })
  }
}

/** Empty if no payload is given. */
export function payloadBytes({ json, text, base64 }: PayloadFields): Uint8Array {
  if (base64 !== undefined) return base64ToBytes(base64)
  return new TextEncoder().encode(json === undefined ? (text ?? '') : JSON.stringify(json))
}
