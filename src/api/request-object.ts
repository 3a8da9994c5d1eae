// The JSON objects that requests of the public API carry: a misspelt key is refused, and the error lists the keys that exist.
import { z } from 'zod'

/** A strict object. An unknown key would else be ignored, and the caller would believe that it had been obeyed. */
export function requestObject<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown key ${quoted(issue.keys)}; known are: ${known}`
        : undefined,
  })
}

function quoted(keys: unknown): string {
  return (keys as readonly string[]).map((key) => JSON.stringify(key)).join(', ')
}
