// Reads or changes a device's shadow at the edge.
import type { z } from 'zod'
import type { ClientId } from '../id/ids.ts'
import { type Answer, ask, type Question } from './ask.ts'
import { adminToken, edgeOf, type Place } from './place.ts'

/** @param name of a named shadow; the classic one without */
export async function askShadow<S extends z.ZodType>(
  place: Place,
  device: ClientId,
  name: string | undefined,
  schema: S,
  question: Question = {},
): Promise<Answer<z.infer<S>>> {
  const path = ['v1', 'devices', device, 'shadow']
  return ask(schema, edgeOf(place).http, await adminToken(place), path, { ...question, query: { name } })
}
